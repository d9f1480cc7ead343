"""Words of items: which are kept, their weights by hand, and sums over rows."""
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from small_table import dataset_of

from workbench.embed.words import item_words, words_of_rows
