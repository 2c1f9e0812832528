"""The attributes that a de-identified image keeps: those a viewer, a model or an archive needs.

Everything else is removed, at every level of nesting, whatever Table E.1-1 says of it: a list of
what identifies is never complete, a list of what is needed can be. What is kept is still treated
by its value representation (``mmcore.deid.dicom_values``): UIDs are replaced, dates removed or
moved, words kept only from a vocabulary, codes only from the standard's own lists.
"""

from functools import cache
from pathlib import Path

_IMAGE = """
SOPClassUID SOPInstanceUID StudyInstanceUID SeriesInstanceUID Modality InstanceNumber SeriesNumber
AcquisitionNumber ImageType LossyImageCompression LossyImageCompressionRatio
LossyImageCompressionMethod QualityControlImage ImagesInAcquisition Manufacturer ConversionType
PresentationIntentType PatientOrientation ImageLaterality Laterality BodyPartExamined
PatientPosition ViewPosition AnatomicalOrientationType FrameOfReferenceUID
StudyDate StudyTime SeriesDate SeriesTime AcquisitionDate AcquisitionTime AcquisitionDateTime
ContentDate ContentTime
PixelSpacing ImagerPixelSpacing NominalScannedPixelSpacing PixelSpacingCalibrationType
EstimatedRadiographicMagnificationFactor ImageOrientationPatient ImagePositionPatient
SliceThickness SliceLocation SpacingBetweenSlices
"""
_PIXELS = """
SamplesPerPixel PhotometricInterpretation PlanarConfiguration Rows Columns PixelAspectRatio
BitsAllocated BitsStored HighBit PixelRepresentation NumberOfFrames FrameIncrementPointer FrameTime
FrameTimeVector CineRate RecommendedDisplayFrameRate
SmallestImagePixelValue LargestImagePixelValue PixelPaddingValue PixelPaddingRangeLimit
RescaleIntercept RescaleSlope RescaleType ModalityLUTSequence ModalityLUTType LUTDescriptor LUTData
VOILUTSequence WindowCenter WindowWidth WindowCenterWidthExplanation VOILUTFunction
PresentationLUTShape PixelIntensityRelationship PixelIntensityRelationshipSign
RedPaletteColorLookupTableDescriptor GreenPaletteColorLookupTableDescriptor
BluePaletteColorLookupTableDescriptor RedPaletteColorLookupTableData
GreenPaletteColorLookupTableData BluePaletteColorLookupTableData
"""
_ACQUISITION = """
KVP ExposureTime XRayTubeCurrent Exposure ExposureInuAs ExposureTimeInuS XRayTubeCurrentInuA
DistanceSourceToDetector DistanceSourceToPatient PositionerType PositionerPrimaryAngle
PositionerSecondaryAngle DetectorType ExposureIndex TargetExposureIndex DeviationIndex
RelativeXRayExposure Sensitivity BodyPartThickness CompressionForce FieldOfViewHorizontalFlip
FieldOfViewRotation
OrganExposed OrganDose BreastImplantPresent PartialView HalfValueLayer AnodeTargetMaterial
FilterMaterial Grid
GantryDetectorTilt TableHeight RotationDirection ReconstructionDiameter DataCollectionDiameter
SpiralPitchFactor CTDIvol SingleCollimationWidth TotalCollimationWidth
ScanningSequence SequenceVariant ScanOptions MRAcquisitionType RepetitionTime EchoTime
EchoTrainLength InversionTime MagneticFieldStrength FlipAngle NumberOfAverages EchoNumbers
PercentSampling PercentPhaseFieldOfView PixelBandwidth AcquisitionMatrix
InPlanePhaseEncodingDirection
SequenceOfUltrasoundRegions RegionSpatialFormat RegionDataType RegionFlags RegionLocationMinX0
RegionLocationMinY0 RegionLocationMaxX1 RegionLocationMaxY1 PhysicalUnitsXDirection
PhysicalUnitsYDirection PhysicalDeltaX PhysicalDeltaY ReferencePixelX0 ReferencePixelY0
UltrasoundColorDataPresent
"""
_GROUPS = """
SharedFunctionalGroupsSequence PerFrameFunctionalGroupsSequence FrameContentSequence
FrameAcquisitionNumber FrameAcquisitionDateTime FrameReferenceDateTime FrameAcquisitionDuration
InStackPositionNumber DimensionIndexValues TemporalPositionIndex PixelMeasuresSequence
PlanePositionSequence PlaneOrientationSequence FrameVOILUTSequence PixelValueTransformationSequence
FrameAnatomySequence FrameLaterality CTImageFrameTypeSequence MRImageFrameTypeSequence FrameType
PixelPresentation VolumetricProperties VolumeBasedCalculationTechnique ComplexImageComponent
AcquisitionContrast DimensionOrganizationSequence DimensionOrganizationUID DimensionIndexSequence
DimensionIndexPointer FunctionalGroupPointer DimensionOrganizationType ContentQualification
"""
_REFERENCES = """
ReferencedImageSequence SourceImageSequence ReferencedSOPClassUID ReferencedSOPInstanceUID
ReferencedFrameNumber
"""

CODES = frozenset(
    [
        "AnatomicRegionSequence",
        "AnatomicRegionModifierSequence",
        "ViewCodeSequence",
        "ViewModifierCodeSequence",
        "PatientOrientationCodeSequence",
        "PatientOrientationModifierCodeSequence",
        "PatientGantryRelationshipCodeSequence",
        "PurposeOfReferenceCodeSequence",
    ]
)
"""Sequences of coded concepts: an item stays if the standard itself lists its code."""

DESCRIPTIONS = frozenset(["StudyDescription", "SeriesDescription", "ProtocolName"])
CHARACTERISTICS = frozenset(["PatientSex", "PatientAge", "PatientSize", "PatientWeight"])

ALLOWED = frozenset(" ".join((_IMAGE, _PIXELS, _ACQUISITION, _GROUPS, _REFERENCES)).split()) | CODES
"""Kept by every choice of options."""

EMPTIED = frozenset(
    [
        "PatientBirthDate",
        "PatientSex",
        "StudyDate",
        "StudyTime",
        "AccessionNumber",
        "StudyID",
        "ReferringPhysicianName",
        "Manufacturer",
    ]
)
"""Attributes of type 2 that every image has: empty where they are not kept. PS3.3 C.7."""

EMPTIED_IF_PRESENT = frozenset(["PositionReferenceIndicator", "AcquisitionContextSequence"])

IMAGE_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.1": "Computed Radiography",
    "1.2.840.10008.5.1.4.1.1.1.1": "Digital X-Ray, for presentation",
    "1.2.840.10008.5.1.4.1.1.1.1.1": "Digital X-Ray, for processing",
    "1.2.840.10008.5.1.4.1.1.1.2": "Digital Mammography, for presentation",
    "1.2.840.10008.5.1.4.1.1.1.2.1": "Digital Mammography, for processing",
    "1.2.840.10008.5.1.4.1.1.2": "CT",
    "1.2.840.10008.5.1.4.1.1.2.1": "Enhanced CT",
    "1.2.840.10008.5.1.4.1.1.4": "MR",
    "1.2.840.10008.5.1.4.1.1.4.1": "Enhanced MR",
    "1.2.840.10008.5.1.4.1.1.3.1": "Ultrasound Multi-frame",
    "1.2.840.10008.5.1.4.1.1.6.1": "Ultrasound",
    "1.2.840.10008.5.1.4.1.1.7": "Secondary Capture",
    "1.2.840.10008.5.1.4.1.1.7.2": "Multi-frame Grayscale Byte Secondary Capture",
    "1.2.840.10008.5.1.4.1.1.7.3": "Multi-frame Grayscale Word Secondary Capture",
    "1.2.840.10008.5.1.4.1.1.7.4": "Multi-frame True Color Secondary Capture",
}
"""The kinds of object whose attributes the lists above were made for. PS3.4 B.5."""

TEXT_CLASSES = frozenset(
    uid for uid, name in IMAGE_CLASSES.items() if "Ultrasound" in name or "Capture" in name
)
"""Kinds that often carry the patient's name in their pixels."""


@cache
def vocabulary() -> frozenset[str]:
    """Return the words, in capitals, that may stay in descriptions and coded strings."""
    lines = Path(__file__).with_name("vocabulary.txt").read_text("utf-8").splitlines()
    return frozenset(
        word for line in lines if not line.startswith("#") for word in line.upper().split()
    )
