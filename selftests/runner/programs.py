# SPDX-License-Identifier: GPL-2.0-only
"""The test programs: AREA_NAME for selftests/AREA/NAME.c, AREA_NAME.sh for AREA/NAME.sh,
and "smoke", which belongs to no area."""

import glob
import os

SELFTESTS = os.path.realpath(os.path.join(os.path.dirname(__file__), ".."))
NO_AREAS = {"guests", "lib", "runner", "vm"}


def name_of(path):
    """The program made of the source at this path, relative to selftests/."""
    return path.replace("/", "_").removesuffix(".c")


def sources(*suffixes):
    """{program: path of its source}, sorted, of the sources with these suffixes."""
    paths = [path for suffix in suffixes for pattern in ("*", "*/*")
             for path in glob.glob(pattern + suffix, root_dir=SELFTESTS)
             if os.path.dirname(path) not in NO_AREAS]
    return {name_of(path): os.path.join(SELFTESTS, path)
            for path in sorted(paths, key=name_of)}
