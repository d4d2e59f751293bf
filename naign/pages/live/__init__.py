"""Figures that answer in the reader's browser: f as scripts, in the book, in JupyterLab, in a file to send."""
