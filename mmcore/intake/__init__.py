"""Recognise, check and decode the files of one case; nothing in them is trusted.

Cheap to import: pydicom and the codecs load only in the decoding process.
"""

from mmcore.intake.cases import RawFile, case_from_files, case_from_paths
from mmcore.intake.several import SortedFiles, cases_from_files

__all__ = ["RawFile", "SortedFiles", "case_from_files", "case_from_paths", "cases_from_files"]
