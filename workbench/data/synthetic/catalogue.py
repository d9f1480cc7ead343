"""The item catalogue of the synthetic worlds: invented items with category, brand, tags, price, title and text."""
from typing import NamedTuple

import numpy as np
import pandas as pd

FORMS = {
    "Makeup": ("gel", "cream", "liquid", "powder", "satin"),
    "Skin care": ("light", "rich", "daily", "overnight"),
    "Hair": ("smoothing", "volume", "repair", "curl"),
    "Fragrance": ("warm", "fresh", "woody", "floral"),
    "Bath": ("foaming", "mineral", "oatmeal"),
    "Tools": ("slim", "angled", "folding"),
}
CATEGORIES = (
    "Makeup > Eyes > Eyeliner", "Makeup > Eyes > Mascara", "Makeup > Eyes > Eyeshadow", "Makeup > Lips > Lipstick",
    "Makeup > Lips > Lip gloss", "Makeup > Face > Foundation", "Makeup > Face > Blush", "Makeup > Nail polish",
    "Skin care > Face > Cleanser", "Skin care > Face > Serum", "Skin care > Face > Sunscreen",
    "Skin care > Body > Lotion", "Skin care > Body > Hand cream", "Skin care > Face mask",
    "Hair > Wash > Shampoo", "Hair > Wash > Conditioner", "Hair > Styling > Hair spray", "Hair > Styling > Hair wax",
    "Fragrance > Perfume", "Fragrance > Candle", "Bath > Soap", "Bath > Bath salt",
    "Tools > Brushes > Makeup brush", "Tools > Tweezers",
)  # fmt: skip
BRANDS = (
    "Northwind", "Alder & Co", "Mirelle", "Saltmarsh", "Juniper Lane", "Oriel", "Tidewater", "Pale Fox", "Verano",
    "Hearth & Moss", "Lumen", "Kestrel", "Bluebell", "Ondine", "Quarry", "Maison Lark", "Petrichor", "Solstice",
    "Ferncroft", "Zephyrine",
)  # fmt: skip
TAGS = (
    "matte", "vegan", "scented", "gentle", "organic", "waterproof", "brightening", "hydrating", "travel-size",
    "long-lasting", "refillable", "hypoallergenic",
)  # fmt: skip
SHADES = (
    "plum", "rose", "amber", "coral", "ivory", "slate", "cedar", "honey", "mint", "lilac", "sand", "cocoa", "pearl",
    "sage", "peach", "indigo", "saffron", "birch", "cherry", "fog",
)  # fmt: skip
PRICE_BANDS = ("budget", "mid-range", "luxury")
TAGS_PER_ITEM = 3


class Catalogue(NamedTuple):
    """Item attributes as codes that a choice model can read; rows are items 0..I-1.

    category, brand, shade, price_band: (I,) codes into CATEGORIES, BRANDS, SHADES, PRICE_BANDS. tags: (I, 3) distinct
    codes into TAGS. duplicate_of: (I,) the item of which this one is a near-duplicate, or itself. table: title, text,
    category, brand, tags, price_band and price.
    """

    category: np.ndarray
    brand: np.ndarray
    shade: np.ndarray
    price_band: np.ndarray
    tags: np.ndarray
    duplicate_of: np.ndarray
    table: pd.DataFrame

    def features(self) -> np.ndarray:
        """(I, F) float32 rows of equal norm: category path, brand, tags and shade, all of which occur in the text.

        Inner products are integers, so the nearest neighbours do not depend on a machine's rounding.
        """
        paths = [category.split(" > ") for category in CATEGORIES]
        ancestor = [np.unique([" > ".join(p[:n]) for p in paths], return_inverse=True)[1] for n in (1, 2)]
        tags = np.zeros((len(self.category), len(TAGS)))
        np.put_along_axis(tags, self.tags, 3**0.5, axis=1)
        weighted = [(1, ancestor[0][self.category]), (2, ancestor[1][self.category]), (4, self.category),
                    (6, self.brand), (3, self.shade)]  # fmt: skip
        one_hot = [weight**0.5 * np.eye(codes.max() + 1)[codes] for weight, codes in weighted]
        return np.concatenate([*one_hot, tags], axis=1).astype(np.float32)


def make_catalogue(n: int, rng: np.random.Generator, *, duplicate_rate: float = 0.04) -> Catalogue:
    """`n` items; a share `duplicate_rate` of them copies another item in all but one word of the title."""
    skewed = 1 / np.arange(1, len(BRANDS) + 1) ** 0.5
    category = rng.integers(0, len(CATEGORIES), n)
    brand = rng.choice(len(BRANDS), n, p=skewed / skewed.sum())
    shade = rng.integers(0, len(SHADES), n)
    tags = np.argsort(rng.random((n, len(TAGS))), axis=1)[:, :TAGS_PER_ITEM]
    form = rng.integers(0, 60, n)  # 60 is a multiple of every number of forms
    duplicate_of = np.arange(n)
    copies = rng.random(n) < duplicate_rate
    copies[: n // 2] = False  # the originals come from the first half, so no copy is itself copied
    duplicate_of[copies] = rng.integers(0, max(1, n // 2), copies.sum())
    category, brand, shade, tags, form = (codes[duplicate_of] for codes in (category, brand, shade, tags, form))
    price_band = np.arange(len(BRANDS))[brand] % len(PRICE_BANDS)
    price = np.round(np.exp(rng.normal(0, 0.25, n)) * np.array([6.0, 16.0, 45.0])[price_band], 2)
    table = _table(category, brand, shade, price_band, tags, duplicate_of, form).assign(price=price)
    return Catalogue(category, brand, shade, price_band, tags, duplicate_of, table)


def decoy_tag(catalogue: Catalogue, item: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(I,) bool: the first tag, permuted among items of similar popularity: equally frequent, but without effect.

    item: (N,) the items of all events, from 0.
    """
    tagged = (catalogue.tags == 0).any(axis=1)
    counts = np.bincount(item, minlength=len(tagged))
    by_count = np.lexsort((rng.random(len(tagged)), counts))
    bins = np.arange(len(tagged)) // 20
    permuted = by_count[np.lexsort((rng.random(len(tagged)), bins))]
    decoy = np.empty_like(tagged)
    decoy[by_count] = tagged[permuted]
    return decoy


def _table(category, brand, shade, price_band, tags, duplicate_of, form) -> pd.DataFrame:
    """Titles and texts in words; the columns that a loader of a real catalogue would give."""
    rows = []
    for i in range(len(category)):
        path = CATEGORIES[category[i]].split(" > ")
        words = [TAGS[tag] for tag in tags[i]]
        forms = FORMS[path[0]]
        name = f"{BRANDS[brand[i]]} {forms[form[i] % len(forms)]} {path[-1].lower()}"
        title = f"{name}, {words[0]} {SHADES[shade[i]]}" + ("" if duplicate_of[i] == i else ", twin pack")
        text = (
            f"{name} in {SHADES[shade[i]]}: {words[0]}, {words[1]} and {words[2]}. "
            f"A {PRICE_BANDS[price_band[i]]} choice from our {' and '.join(path[:-1]).lower()} shelf."
        )
        attributes = CATEGORIES[category[i]], BRANDS[brand[i]], ", ".join(words), PRICE_BANDS[price_band[i]]
        rows.append((title, text, *attributes))
    return pd.DataFrame(rows, columns=["title", "text", "category", "brand", "tags", "price_band"])
