"""Amazon Food and Kitchen 2014 (ABXI release): users of both, one log of two domains, whole days, no text."""
from workbench.data.formats.abxi import load_pair, published
from workbench.data.schema import Dataset

FILES = published(
    "afk", "5f9856f574879920a70c93461add1ebc1c997b1ce6d626ba8d475315f53a4a15",
    "64a939f71c0c48ba181d6d24e384af1160812bdf244f20c58ef101f5fc54b3c3",
    "e20b90e5b7b298e38243a64eb54830d537ea5a7a3ab5ae74d6d0179142a6d684",
)  # fmt: skip


def load() -> Dataset:
    """Food-Kitchen: the categories Grocery and Gourmet Food, and Home and Kitchen. items: domain, food or kitchen."""
    return load_pair("food-kitchen", "Amazon Food-Kitchen 2014, shared users", FILES, ("food", "kitchen"))
