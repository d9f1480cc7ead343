"""Amazon Beauty and Electronics 2014 (ABXI release): users of both, one log of two domains, whole days, no text."""
from workbench.data.formats.abxi import load_pair, published
from workbench.data.schema import Dataset

FILES = published(
    "abe", "e13235003725700fdc709eb78a8865bd7e4ab75dc28ae569f7a4cebcdab1e33b",
    "4e144f3fea1a5e8037cd56167a084ce4d73c6ccc123187055470b3da9818de74",
    "efcec3a6a523c25753390afee0cb2ad74f68de5dfaf27574e4108e97b8452d24",
)  # fmt: skip


def load() -> Dataset:
    """Beauty-Electronics. items: domain, beauty or electronics. Titles, which another release has for about three
    quarters of the Beauty items and for none of Electronics, are left out: with them text would be the default kind of
    item vectors, and two thirds of the items would have a zero vector."""
    domains = ("beauty", "electronics")
    return load_pair("beauty-electronics", "Amazon Beauty-Electronics 2014, shared users", FILES, domains)
