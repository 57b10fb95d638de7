# SPDX-License-Identifier: GPL-2.0-only
"""Sphinx configuration. "make docs" runs Sphinx through tools/docs/render.sh, which sets
KERNEL_SOURCE: the directive kernel-doc and the script behind it are the kernel's own."""

import os
import sys

from docutils import nodes

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
KERNEL_SOURCE = os.environ["KERNEL_SOURCE"]

sys.path.insert(0, os.path.join(KERNEL_SOURCE, "Documentation/sphinx"))

project = "svmvcpu"
copyright = "the svmvcpu authors, GPL-2.0-only"  # pylint: disable=redefined-builtin
extensions = ["kerneldoc"]
kerneldoc_bin = os.path.join(KERNEL_SOURCE, "scripts/kernel-doc")
kerneldoc_srctree = TOP

primary_domain = "c"
highlight_language = "none"

html_theme = "alabaster"
html_theme_options = {"page_width": "1100px", "fixed_sidebar": True}
html_copy_source = False
html_show_sphinx = False


def link_documents(app, doctree, docname):
    """``api.rst`` in the text becomes a link to that page."""
    for literal in list(doctree.findall(nodes.literal)):
        name = literal.astext().removesuffix(".rst")
        if name in app.env.found_docs and name != literal.astext():
            link = nodes.reference(refuri=app.builder.get_relative_uri(docname, name))
            literal.replace_self(link)
            link += literal


def setup(app):
    app.connect("doctree-resolved", link_documents)
