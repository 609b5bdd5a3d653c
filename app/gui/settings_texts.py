"""What the settings are called on the page. The tables hold English; whoever shows a text calls ``tr`` on it. No Qt."""

from __future__ import annotations

from app.gui.language import mark

SECTIONS = {
    "room": mark("Room"),
    "source": mark("Source"),
    "ai": mark("AI"),
    "screen": mark("Screen"),
    "sound": mark("Sound"),
    "recording": mark("Recording"),
    "procedure": mark("Examination"),
    "language": mark("Language"),
    "keys": mark("Keys and pedals"),
}

NAMES = {
    "room.name": (mark("Name of the room"), mark("Its own settings, if it has some, go before all others.")),
    "source.spec": (mark("Source"), mark("As it is typed; the set-up (F2) chooses it with a look at the picture.")),
    "source.format": (mark("Format of the camera"), mark("As format=UYVY@1920x1080@50. Empty: as the rule chooses.")),
    "source.area": (mark("Picture area"), mark("full, auto or X,Y,W,H: what is shown, analysed and recorded.")),
    "source.deinterlace": (mark("Two fields in each frame"), mark("Shown as two pictures: as found, never, or so.")),
    "source.aspect": (mark("Shape of the picture"), mark("As 4:3. Empty: its pixels are square.")),
    "source.colours": (mark("Colours"), mark("What they were taken for and are, as 601:709. Empty: they are right.")),
    "ai.model": (mark("Model"), mark("Its name, or the folder in which it lies.")),
    "ai.variant": (mark("File of the model"), mark("Empty: the one that is meant for what runs it.")),
    "ai.provider": (mark("What runs the model"), mark("What was named and does not come up is an error.")),
    "ai.threads": (mark("Threads on the CPU"), mark("Automatic: the cores that picture and recording leave.")),
    "ai.sensitivity": (mark("Sensitivity"), mark("More markers and more false alarms, or fewer of both.")),
    "ai.threshold": (mark("Threshold (expert)"), mark("The score from which a marker appears.")),
    "ai.keep_ratio": (mark("Keeping (expert)"), mark("A marker stays down to this part of the threshold.")),
    "ai.min_seen_ms": (mark("Time before a marker, in ms"), mark("How long a lesion is followed before it is marked.")),
    "ai.min_display_ms": (mark("Shortest marker, in ms"), mark("How long a marker stays at least.")),
    "ai.hold_ms": (mark("Hold time, in ms"), mark("How long a marker stays without new evidence.")),
    "ai.shadow": (mark("Shadow mode"), mark("The AI runs and is recorded, but shows nothing: for the first week.")),
    "ai.candidate": (mark("Candidate model"), mark("Runs unseen beside the other one, for QA to compare.")),
    "screen.full_screen": (mark("Full screen"), mark("Begin in full screen.")),
    "screen.synchronised": (mark("Synchronised"), mark("Each picture waits for its own boxes, 100 ms at most.")),
    "screen.cue": (mark("First appearance"), mark("A new marker draws attention once.")),
    "screen.edge_indicator": (mark("Sign at the edge"), mark("On the side of the picture on which a marker is.")),
    "screen.confidence": (mark("Score"), mark("Write the score beside a marker.")),
    "screen.second_monitor": (mark("Second monitor"), mark("Name of the screen with the clean picture. Empty: none.")),
    "screen.second_monitor_boxes": (mark("Boxes on the second monitor"), mark("Show the markers there, too.")),
    "screen.light_override": (
        mark("Boxes in any light"),
        mark("Also in light that the model was not validated in: nobody knows how well it works there."),
    ),
    "sound.volume_percent": (mark("Volume, in %"), mark("Of the sound of a new lesion.")),
    "sound.muted": (mark("Mute"), mark("No sound.")),
    "recording.folder": (mark("Folder for recordings"), mark("Empty: nothing can be recorded.")),
    "recording.snapshots": (mark("Folder for snapshots"), mark("Empty: polypwatch-out where it was started.")),
    "recording.from_scope_in": (mark("Record by itself"), mark("From 'scope in' to 'scope out'.")),
    "recording.encoder": (mark("Encoder"), mark("Hardware where there is one, the processor, or the source's own.")),
    "recording.confirmed_no_text": (
        mark("No picture shows a name"),
        mark("Somebody looked at the whole picture. Only then may the source's own stream be recorded as it is."),
    ),
    "recording.retention_days": (mark("Keep for days"), mark("Older ones are proposed for deletion, never deleted.")),
    "recording.min_free_gb": (mark("Free space, in GB"), mark("Recording stops before less is free.")),
    "procedure.withdrawal_hint_min": (mark("Withdrawal, in minutes"), mark("Below this there is a quiet hint.")),
    "procedure.hide_s": (mark("Hiding, in seconds"), mark("Boxes that were hidden come back after this.")),
    "language": (mark("Language"), mark("Of the window and of reports.")),
}

CHOICES = {
    "auto": mark("Automatic"),
    "off": mark("Never"),
    "top": mark("Top first"),
    "bottom": mark("Bottom first"),
    "high": mark("High"),
    "normal": mark("Normal"),
    "low": mark("Low"),
    "system": mark("The computer's"),
    "copy": mark("As it comes"),
    "en": "English",
    "it": "Italiano",
    "cuda": "CUDA",
    "tensorrt": "TensorRT",
    "cpu": "CPU",
    "nvenc": "NVENC",
    "qsv": "Quick Sync",
    "amf": "AMF",
    "videotoolbox": "VideoToolbox",
    "x264": "x264",
}

NOTHING = {
    "ai.threads": mark("Automatic"),
    "ai.threshold": mark("As the preset"),
    "ai.keep_ratio": mark("As the preset"),
    "recording.retention_days": mark("For ever"),
    "procedure.withdrawal_hint_min": mark("No hint"),
}

ORIGINS = {
    "default": mark("default"),
    "file": mark("set here"),
    "room": mark("set for this room"),
    "command line": mark("given at the start: it goes before what is set here"),
}
