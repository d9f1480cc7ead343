"""The shop of the synthetic worlds: invented items with categories, brands, tags, prices and readable titles."""
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
LEAVES = (
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
BANDS = ("budget", "mid-range", "luxury")
TAGS_EACH = 3


class Catalogue(NamedTuple):
    """What the items are, as codes that a choice model can read; rows are items 0..I-1.

    leaf, brand, shade, band: (I,) codes into LEAVES, BRANDS, SHADES, BANDS. tags: (I, 3) distinct codes into TAGS.
    twin: (I,) the item of which this one is a near-duplicate, or itself. table: title, text, category, brand, ...
    """

    leaf: np.ndarray
    brand: np.ndarray
    shade: np.ndarray
    band: np.ndarray
    tags: np.ndarray
    twin: np.ndarray
    table: pd.DataFrame

    def features(self) -> np.ndarray:
        """(I, F) float32 rows of equal length: category path, brand, tags and shade, all of it visible in the text.
        Products of rows are whole numbers, so who is whose neighbour does not depend on a machine's rounding."""
        paths = [leaf.split(" > ") for leaf in LEAVES]
        upper = [np.unique([" > ".join(p[:n]) for p in paths], return_inverse=True)[1][self.leaf] for n in (1, 2)]
        tags = np.zeros((len(self.leaf), len(TAGS)))
        np.put_along_axis(tags, self.tags, 3**0.5, axis=1)
        parts = [(1, upper[0]), (2, upper[1]), (4, self.leaf), (6, self.brand), (3, self.shade)]
        dense = [weight**0.5 * np.eye(codes.max() + 1)[codes] for weight, codes in parts]
        return np.concatenate([*dense, tags], axis=1).astype(np.float32)


def catalogue(n: int, rng: np.random.Generator, *, twins: float = 0.04) -> Catalogue:
    """`n` items; a share `twins` of them copies another item in all but a word of the title."""
    skewed = 1 / np.arange(1, len(BRANDS) + 1) ** 0.5
    leaf = rng.integers(0, len(LEAVES), n)
    brand = rng.choice(len(BRANDS), n, p=skewed / skewed.sum())
    shade = rng.integers(0, len(SHADES), n)
    tags = np.argsort(rng.random((n, len(TAGS))), axis=1)[:, :TAGS_EACH]
    form = rng.integers(0, 60, n)  # a multiple of every number of forms
    twin = np.arange(n)
    copies = rng.random(n) < twins
    copies[: n // 2] = False  # the originals come from the first half, so no copy has a copy
    twin[copies] = rng.integers(0, max(1, n // 2), copies.sum())
    leaf, brand, shade, tags, form = (column[twin] for column in (leaf, brand, shade, tags, form))
    band = np.arange(len(BRANDS))[brand] % len(BANDS)
    price = np.round(np.exp(rng.normal(0, 0.25, n)) * np.array([6.0, 16.0, 45.0])[band], 2)
    return Catalogue(leaf, brand, shade, band, tags, twin, _table(leaf, brand, shade, band, tags, twin, form, price))


def _table(leaf, brand, shade, band, tags, twin, form, price) -> pd.DataFrame:
    """Titles and texts in words; the columns a loader of a real shop would give."""
    rows = []
    for i in range(len(leaf)):
        path = LEAVES[leaf[i]].split(" > ")
        words = [TAGS[tag] for tag in tags[i]]
        forms = FORMS[path[0]]
        name = f"{BRANDS[brand[i]]} {forms[form[i] % len(forms)]} {path[-1].lower()}"
        title = f"{name}, {words[0]} {SHADES[shade[i]]}" + ("" if twin[i] == i else ", twin pack")
        text = (
            f"{name} in {SHADES[shade[i]]}: {words[0]}, {words[1]} and {words[2]}. "
            f"A {BANDS[band[i]]} choice from our {' and '.join(path[:-1]).lower()} shelf."
        )
        rows.append((title, text, LEAVES[leaf[i]], BRANDS[brand[i]], ", ".join(words), BANDS[band[i]]))
    table = pd.DataFrame(rows, columns=["title", "text", "category", "brand", "tags", "price_band"])
    return table.assign(price=price)
