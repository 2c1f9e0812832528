"""The file meta information of every DICOM file that we write. PS3.10 7.1."""

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian


def file_meta(
    dataset: Dataset, *, implementation_uid: str, implementation_name: str
) -> FileMetaDataset:
    """Return it for a data set in Explicit VR Little Endian, the one syntax that we write.

    implementation_uid, implementation_name: what wrote the file; the name has at most 16
    characters.
    """
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(implementation_uid)
    meta.ImplementationVersionName = implementation_name
    return meta
