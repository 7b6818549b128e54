"""T2V: parameters of text-to-video."""

from __future__ import annotations

from pixazo_contracts.clauses.checks import accepted, observed, refused
from pixazo_contracts.clauses.clause import Group
from pixazo_contracts.clauses.standing import DOCUMENTED, EXAMPLE, FREE_IF_REFUSED, FURTHER, SHARED, SILENT

T2V = Group(depends_on="BASE-02")

TABLE = "Request Parameters - Generate Video Request"
PROMPT = f'{TABLE}: "The narrative or scene description used to influence video generation."'
DURATION = f'{TABLE}: "Duration of the video in seconds."'
RESOLUTION = f'{TABLE}: "Video resolution."'
OPTIMIZER = f'{TABLE}: "Automatically refines prompt input for better video quality."'
PRETREATMENT = f'{TABLE}: "Enable fast pretreatment for quicker processing."'
CALLBACK = f'{TABLE}: "URL to receive callback notifications when video is ready."'
WATERMARK = f'{TABLE}: "Add AIGC watermark to the generated video."'

# fmt: off
T2V.row("T2V-PROMPT-01", DOCUMENTED, FREE_IF_REFUSED, refused, core=True, section=PROMPT,
    demands="`prompt` is required: missing or null is 400.")
T2V.row("T2V-PROMPT-02", DOCUMENTED, FREE_IF_REFUSED, refused, section=PROMPT,
    demands="`prompt` is a string: any other JSON type is 400.")
T2V.row("T2V-PROMPT-03", SILENT, FREE_IF_REFUSED, observed, section="silence",
    demands="Empty or blank prompt.")
T2V.row("T2V-PROMPT-04", SILENT, FREE_IF_REFUSED, observed,
    section=f'{TABLE}; Request Parameters - Generate Image To Video Request: "maximum 2000 characters"',
    demands="Length limit: the T2V table gives none, the I2V table gives 2000.")
T2V.row("T2V-BODY-01", EXAMPLE, SHARED, accepted, core=True, section="Request Code (Text to Video)",
    demands="The printed example body is accepted as is: six members, a 665-character prompt containing a non-ASCII dash.")
T2V.row("T2V-BODY-02", DOCUMENTED, FURTHER, accepted, core=True, section=TABLE,
    demands="`prompt` alone is a complete request; every other member is optional.")
T2V.row("T2V-DUR-01", DOCUMENTED, FREE_IF_REFUSED, refused, section=DURATION,
    demands="`duration` is a number: string, boolean, array are 400.")
T2V.row("T2V-DUR-02", SILENT, FREE_IF_REFUSED, observed, section=DURATION,
    demands="Admissible T2V durations are not stated (only 6 is shown; type is number, so fractions parse).")
T2V.row("T2V-RES-01", DOCUMENTED, FREE_IF_REFUSED, refused, section=RESOLUTION,
    demands="`resolution` is a string: other JSON types are 400.")
T2V.row("T2V-RES-02", SILENT, FREE_IF_REFUSED, observed, section=RESOLUTION,
    demands="Admissible T2V resolutions and letter case are not stated (only `768P` is shown).")
T2V.row("T2V-PO-01", DOCUMENTED, FREE_IF_REFUSED, refused, section=OPTIMIZER,
    demands="`prompt_optimizer` is boolean: other types are 400. Its T2V default is not stated.")
T2V.row("T2V-FP-01", DOCUMENTED, FREE_IF_REFUSED, refused, section=PRETREATMENT,
    demands="`fast_pretreatment` is boolean: other types are 400.")
T2V.row("T2V-WM-01", DOCUMENTED, FREE_IF_REFUSED, refused, section=WATERMARK,
    demands="`aigc_watermark` is boolean: other types are 400.")
T2V.row("T2V-CB-01", DOCUMENTED, FREE_IF_REFUSED, refused, depends_on="BASE-02 T2V-BODY-02", section=CALLBACK,
    demands="`callback_url` is a string: other types are 400; treatment of a non-URL string is not stated.")
T2V.row("T2V-IMG-01", SILENT, FREE_IF_REFUSED, observed, depends_on="BASE-02 T2V-PROMPT-01 I2V-IMG-03",
    section="silence",
    demands="`first_frame_image` on the T2V operation is an undocumented member.")
# fmt: on
