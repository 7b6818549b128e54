"""T2V: parameters of text-to-video."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pixazo_contracts.clauses.checks import accepted, observed, refused
from pixazo_contracts.clauses.clause import Cost, Strength, clause

if TYPE_CHECKING:
    from pixazo_contracts.clauses.clause import Remarks
    from pixazo_contracts.trace import Trace


@clause(
    "T2V-PROMPT-01",
    section="T: Params",
    strength=Strength.DOCUMENTED,
    cost=Cost.FREE_IF_REFUSED,
    depends_on=("BASE-02",),
    core=True,
)
def t2v_prompt_01(trace: Trace) -> Remarks:
    """`prompt` is required: missing or null is 400."""
    return refused(trace, "T2V-PROMPT-01")


@clause(
    "T2V-PROMPT-02",
    section="T: Params",
    strength=Strength.DOCUMENTED,
    cost=Cost.FREE_IF_REFUSED,
    depends_on=("BASE-02",),
)
def t2v_prompt_02(trace: Trace) -> Remarks:
    """`prompt` is a string: any other JSON type is 400."""
    return refused(trace, "T2V-PROMPT-02")


@clause(
    "T2V-PROMPT-03", section="silence", strength=Strength.SILENT, cost=Cost.FREE_IF_REFUSED, depends_on=("BASE-02",)
)
def t2v_prompt_03(trace: Trace) -> Remarks:
    """Empty or blank prompt."""
    return observed(trace, "T2V-PROMPT-03")


@clause(
    "T2V-PROMPT-04",
    section="T: Params vs I: Params",
    strength=Strength.SILENT,
    cost=Cost.FREE_IF_REFUSED,
    depends_on=("BASE-02",),
)
def t2v_prompt_04(trace: Trace) -> Remarks:
    """Length limit: the T2V table gives none, the I2V table gives 2000."""
    return observed(trace, "T2V-PROMPT-04")


@clause(
    "T2V-BODY-01",
    section="T: Request Code",
    strength=Strength.EXAMPLE,
    cost=Cost.SHARED,
    depends_on=("BASE-02",),
    core=True,
)
def t2v_body_01(trace: Trace) -> Remarks:
    """The printed example body is accepted as is: six members, a 665-character prompt containing a non-ASCII dash."""
    return accepted(trace, "T2V-BODY-01")


@clause(
    "T2V-BODY-02",
    section="T: Params (Required: No)",
    strength=Strength.DOCUMENTED,
    cost=Cost.FURTHER,
    depends_on=("BASE-02",),
    core=True,
)
def t2v_body_02(trace: Trace) -> Remarks:
    """`prompt` alone is a complete request; every other member is optional."""
    return accepted(trace, "T2V-BODY-02")


@clause(
    "T2V-DUR-01", section="T: Params", strength=Strength.DOCUMENTED, cost=Cost.FREE_IF_REFUSED, depends_on=("BASE-02",)
)
def t2v_dur_01(trace: Trace) -> Remarks:
    """`duration` is a number: string, boolean, array are 400."""
    return refused(trace, "T2V-DUR-01")


@clause("T2V-DUR-02", section="T: Params", strength=Strength.SILENT, cost=Cost.FREE_IF_REFUSED, depends_on=("BASE-02",))
def t2v_dur_02(trace: Trace) -> Remarks:
    """Admissible T2V durations are not stated (only 6 is shown; type is number, so fractions parse)."""
    return observed(trace, "T2V-DUR-02")


@clause(
    "T2V-RES-01", section="T: Params", strength=Strength.DOCUMENTED, cost=Cost.FREE_IF_REFUSED, depends_on=("BASE-02",)
)
def t2v_res_01(trace: Trace) -> Remarks:
    """`resolution` is a string: other JSON types are 400."""
    return refused(trace, "T2V-RES-01")


@clause("T2V-RES-02", section="T: Params", strength=Strength.SILENT, cost=Cost.FREE_IF_REFUSED, depends_on=("BASE-02",))
def t2v_res_02(trace: Trace) -> Remarks:
    """Admissible T2V resolutions and letter case are not stated (only `768P` is shown)."""
    return observed(trace, "T2V-RES-02")


@clause(
    "T2V-PO-01", section="T: Params", strength=Strength.DOCUMENTED, cost=Cost.FREE_IF_REFUSED, depends_on=("BASE-02",)
)
def t2v_po_01(trace: Trace) -> Remarks:
    """`prompt_optimizer` is boolean: other types are 400. Its T2V default is not stated."""
    return refused(trace, "T2V-PO-01")


@clause(
    "T2V-FP-01", section="T: Params", strength=Strength.DOCUMENTED, cost=Cost.FREE_IF_REFUSED, depends_on=("BASE-02",)
)
def t2v_fp_01(trace: Trace) -> Remarks:
    """`fast_pretreatment` is boolean: other types are 400."""
    return refused(trace, "T2V-FP-01")


@clause(
    "T2V-WM-01", section="T: Params", strength=Strength.DOCUMENTED, cost=Cost.FREE_IF_REFUSED, depends_on=("BASE-02",)
)
def t2v_wm_01(trace: Trace) -> Remarks:
    """`aigc_watermark` is boolean: other types are 400."""
    return refused(trace, "T2V-WM-01")


@clause(
    "T2V-CB-01",
    section="T: Params",
    strength=Strength.DOCUMENTED,
    cost=Cost.FREE_IF_REFUSED,
    depends_on=("BASE-02", "T2V-BODY-02"),
)
def t2v_cb_01(trace: Trace) -> Remarks:
    """`callback_url` is a string: other types are 400; treatment of a non-URL string is not stated."""
    return refused(trace, "T2V-CB-01")


@clause(
    "T2V-IMG-01",
    section="silence",
    strength=Strength.SILENT,
    cost=Cost.FREE_IF_REFUSED,
    depends_on=("BASE-02", "T2V-PROMPT-01", "I2V-IMG-03"),
)
def t2v_img_01(trace: Trace) -> Remarks:
    """`first_frame_image` on the T2V operation is an undocumented member."""
    return observed(trace, "T2V-IMG-01")
