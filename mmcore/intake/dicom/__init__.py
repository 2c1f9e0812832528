"""DICOM image instances: everything that imports pydicom to read."""
