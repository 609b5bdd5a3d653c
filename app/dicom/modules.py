"""The modules of PS3.3 that every instance of ours has, as pydicom data sets. What is unknown is empty, not guessed."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from app import RESEARCH_USE, SOFTWARE
from app.dicom.identity import Identity, make_uid
from detector.errors import UsageError
from detector.geometry import Size

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.dataset import FileMetaDataset

VL_ENDOSCOPIC = "1.2.840.10008.5.1.4.1.1.77.1.1"
VIDEO_ENDOSCOPIC = "1.2.840.10008.5.1.4.1.1.77.1.1.1"
MAKER = "Polypwatch"
_SNAPSHOT_SERIES, _FIRST_VIDEO_SERIES = 1, 2


def require_pydicom() -> None:
    """Say what is missing before any work is done.

    Raises:
        UsageError: pydicom is not installed.
    """
    try:
        import pydicom  # noqa: F401
    except ImportError as error:
        raise UsageError(
            "DICOM needs pydicom, which is not installed.",
            f"Install it where Polypwatch is: {sys.executable} -m pip install 'pydicom>=3.0'",
        ) from error


def common(identity: Identity, sop_class: str, series_uid: str, instance_uid: str) -> Dataset:
    """Patient, General Study, General Series, General Equipment, Acquisition Context and SOP Common.

    Attributes that are required but unknown (type 2) stand there empty: name, birth date, sex, referring physician.
    """
    from pydicom import Dataset

    data = Dataset()
    data.SpecificCharacterSet = "ISO_IR 192"  # UTF-8
    data.SOPClassUID, data.SOPInstanceUID = sop_class, instance_uid
    data.TimezoneOffsetFromUTC = "+0000"

    data.PatientName, data.PatientID = "", identity.patient_id
    data.PatientBirthDate, data.PatientSex = "", ""
    if identity.no_text:
        data.PatientIdentityRemoved = "YES"
        data.DeidentificationMethod = "No identity was ever held; pictures vouched to hold no text"
        data.BurnedInAnnotation = "NO"

    data.StudyInstanceUID, data.StudyID = identity.study_uid, identity.study_id
    data.StudyDate, data.StudyTime = date_time(identity.taken)
    data.ReferringPhysicianName, data.AccessionNumber = "", ""
    data.StudyDescription = "Colonoscopy"

    data.Modality, data.SeriesInstanceUID = "ES", series_uid
    data.BodyPartExamined = "COLON"
    region = Dataset()
    region.CodeValue, region.CodingSchemeDesignator, region.CodeMeaning = "71854001", "SCT", "Colon"
    data.AnatomicRegionSequence = [region]

    data.Manufacturer = data.ManufacturerModelName = MAKER
    data.SoftwareVersions = SOFTWARE
    data.AcquisitionContextSequence = []
    # Whether somebody else's video holds marks already, such as a demo's preview does, nobody knows here.
    data.ImageComments = f"{RESEARCH_USE}. This export adds no marks to the picture."
    return data


def picture(data: Dataset, size: Size, photometric: str) -> None:
    """Image Pixel and VL Image: 8-bit colour of a size."""
    data.SamplesPerPixel, data.PlanarConfiguration = 3, 0
    data.PhotometricInterpretation = photometric
    data.Rows, data.Columns = size.height, size.width
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 8, 8, 7, 0
    data.PatientOrientation = ""


def date_time(when: datetime | None) -> tuple[str, str]:
    """Date (DA) and time (TM) in UTC; two empty strings if unknown."""
    if when is None:
        return "", ""
    utc = when.astimezone(UTC)
    return utc.strftime("%Y%m%d"), utc.strftime("%H%M%S.%f")


def file_meta(sop_class: str, instance_uid: str, syntax: str) -> FileMetaDataset:
    """File Meta Information (PS3.10 7.1)."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import UID

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = UID(sop_class), UID(instance_uid)
    meta.TransferSyntaxUID = UID(syntax)
    meta.ImplementationClassUID = UID(make_uid("implementation", MAKER))
    meta.ImplementationVersionName = MAKER.upper()
    return meta


def series_number(video: int | None) -> int:
    """Series Number: snapshots are 1, the first video is 2."""
    return _SNAPSHOT_SERIES if video is None else _FIRST_VIDEO_SERIES + video
