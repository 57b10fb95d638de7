#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs Sphinx on Documentation/; a warning of Sphinx or of kernel-doc is an error. Needs
# the package sets "docs" and "source" of deps.sh.
#
#	render.sh html DIRECTORY	writes the pages, man pages included
#	render.sh dummy DIRECTORY	checks them only, and leaves nothing to read

. "$(dirname "$0")/../../selftests/vm/lib.sh"
set -euo pipefail
cd "$TOP"

KERNEL_SOURCE=$(selftests/vm/kernel.sh source)
export KERNEL_SOURCE KDOC_WERROR=1 PYTHONDONTWRITEBYTECODE=1

# Sphinx does not repeat the warnings of pages that it has kept from an earlier run
rm -rf "$2"
sphinx-build -q -n -W --keep-going -b "$1" -d "$2/.doctrees" Documentation "$2"

[ "$1" = html ] || exit 0
mkdir "$2/man"
for page in Documentation/man/*.[1-9]; do
	mandoc -T html "$page" >"$2/man/${page##*/}.html"
done
