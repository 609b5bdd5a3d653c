"""DICOM: snapshots and recordings as instances that an archive takes, and DICOM video as pictures again.

Headless. pydicom is an optional extra (``polypwatch[dicom]``) and is imported when it is needed, never before.
"""
