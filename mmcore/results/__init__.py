"""Results inside the study: DICOM and FHIR objects made from the result document alone.

Each object is a view of ``consilium.result/1``, as page and PDF are: what the document withholds no
object can say. Of the source files only their headers are read, in the decoding process. The same
document and files give the same UIDs and the same bytes. ``mmcore.results.make`` makes them.
"""

from mmcore.results.records import Kind, Made

__all__ = ["Kind", "Made"]
