"""A plugin of pytest (`-p outputs`) for a run of nbval: it keeps the outputs, which nbval only looks at."""

import nbformat


def pytest_sessionfinish(session):
    """Of nbval's own run: write what the cells showed into the notebooks."""
    cells = [item for item in session.items if hasattr(item, "test_outputs")]
    for item in cells:
        for out in item.test_outputs or []:
            if out.output_type == "execute_result":
                out.execution_count = item.cell_num + 1
        item.cell.outputs, item.cell.execution_count = item.test_outputs or [], item.cell_num + 1
    for notebook in {item.parent for item in cells}:
        nbformat.write(notebook.nb, notebook.path)
