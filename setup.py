"""Builds the compiled leg: modules that touch every packet, from their own `.py` sources.

A module is compiled when a `.pxd` of its name stands beside it. Directives live here, in one place; bounds checks stay
on everywhere.
"""

from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

HERE = Path(__file__).parent
SOURCES = sorted(
    p.with_suffix(".py").relative_to(HERE) for top in ("collectors", "pipeline") for p in (HERE / top).rglob("*.pxd")
)

setup(
    ext_modules=cythonize(
        [
            Extension(str(p.with_suffix("")).replace("/", "."), [str(p)], extra_compile_args=["-O3", "-g0"])
            for p in SOURCES
        ],
        compiler_directives={
            "language_level": 3,
            "boundscheck": True,
            "wraparound": False,
            "cdivision": True,
            "initializedcheck": False,
            "infer_types": False,
            "show_performance_hints": False,
        },
        build_dir="build/cython",
        nthreads=2,
    )
)
