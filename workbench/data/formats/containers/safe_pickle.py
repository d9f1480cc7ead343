"""Safe loading of pickled scipy matrices: only numpy arrays and sparse matrices can be constructed."""
import io
import pickle
from typing import Any

from workbench.data.formats.delimited_text import data_error
from workbench.data.formats.file_lookup import Content

ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "_reconstruct"), ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("scipy.sparse._csr", "csr_matrix"), ("scipy.sparse.csr", "csr_matrix"),
    ("scipy.sparse._coo", "coo_matrix"), ("scipy.sparse.coo", "coo_matrix"),
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it requests {module}.{name}; only arrays and sparse matrices are allowed")
        if name == "_reconstruct":
            module = "numpy._core.multiarray"
        elif name.endswith("_matrix"):
            module = "scipy.sparse"
        return super().find_class(module, name)


def parse_matrix(content: Content) -> Any:
    """A scipy.sparse COO matrix. UserError where the pickle contains anything else or is damaged."""
    from scipy import sparse

    try:
        matrix = sparse.coo_matrix(_Unpickler(io.BytesIO(content.data)).load())
        matrix.sum()
    except Exception as error:  # a hostile or damaged pickle can raise anything
        raise data_error(content, None, f"not a pickled sparse matrix ({error})", "get a fresh copy") from error
    return matrix
