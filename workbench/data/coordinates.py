"""Where items are: their coordinates, and distances along the surface of the earth."""
import numpy as np
from numpy.typing import ArrayLike

from workbench.artifacts import digest
from workbench.data.schema import ITEM, Dataset
from workbench.data.tables import required_table
from workbench.errors import UserError
from workbench.stages import draw

LAT_LON = ("lat", "lon")
RADIUS = 6371.0088  # of the earth in kilometres, the mean


def item_coordinates(dataset: Dataset) -> np.ndarray:
    """(I+1, 2) latitude and longitude of each item in degrees, row 0 zeros; they become part of the key of what is
    built with them. They are the columns lat and lon of the items, else those of the table geography.

    UserError (code 3) where there are neither, with the datasets that have them, or for an item without a place.
    """
    places = dataset.items
    if not {*LAT_LON} <= {*places}:
        places = required_table(dataset, "geography").drop_duplicates(ITEM).set_index(ITEM).reindex(places.index)
    degrees = places[[*LAT_LON]].to_numpy(np.float64, na_value=np.nan)
    wrong = int((~(np.isfinite(degrees) & (np.abs(degrees) <= [90, 180])).all(axis=1)).sum())
    if wrong:
        raise UserError(f"{dataset.name}: {wrong} of {dataset.n_items} items have no lat within -90 to 90 and lon "
                        "within -180 to 180", code=3)  # fmt: skip
    draw("coordinates", digest(degrees.tolist()))
    return np.concatenate([np.zeros((1, 2)), degrees])


def great_circle(a: ArrayLike, b: ArrayLike) -> np.ndarray:
    """(...) kilometres between places (..., 2) of latitude and longitude in degrees, by the haversine formula."""
    a, b = np.radians(np.asarray(a, np.float64)), np.radians(np.asarray(b, np.float64))
    half = np.sin((a - b) / 2) ** 2
    squared = half[..., 0] + np.cos(a[..., 0]) * np.cos(b[..., 0]) * half[..., 1]
    return 2 * RADIUS * np.arcsin(np.sqrt(squared.clip(0, 1)))
