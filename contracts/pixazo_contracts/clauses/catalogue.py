"""Every requirement of the vendor's page, collected in its order; and every statement of the page with its clauses."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Final

from .access import AUTH, BASE, HDR
from .clause import Clause
from .envelopes import FAIL, OUT, TIME
from .errors import ERR, WAL
from .status import FLOW, STATUS
from .submit import I2V, SUBMIT, T2V
from .webhook import WEBHOOK

GROUPS = (BASE, AUTH, HDR, SUBMIT, T2V, I2V, STATUS, FLOW, OUT, TIME, FAIL, WAL, ERR, WEBHOOK)
#: All clauses, by group, in the order in which they are written.
CATALOGUE: tuple[Clause, ...] = tuple(clause for group in GROUPS for clause in group.clauses)
#: The same by id.
BY_ID: dict[str, Clause] = {clause.id: clause for clause in CATALOGUE}
#: A digest of what is required, which two results must share to be compared.
CLAUSE_SET: str = hashlib.sha256(" ".join(clause.digest for clause in CATALOGUE).encode()).hexdigest()[:16]


def select(globs: Iterable[str] = (), *, core: bool = False) -> tuple[Clause, ...]:
    """The clauses whose id matches one of the globs (all, without globs); only the core ones if `core`."""
    patterns = tuple(globs) or ("*",)
    among = [clause for clause in CATALOGUE if clause.core or not core]
    return tuple(clause for clause in among if any(fnmatchcase(clause.id, pattern) for pattern in patterns))


#: The statements, from the top of the page to its end, each with ids, globs (`T2V-*`) and ranges (`AUTH-01..08`).
_PAGE: Final = (
    ("Title, provider, source, product line", "OUT-09"),
    ("Base URL", "BASE-01"),
    ("All requests need a key in a header; name, type, required", "AUTH-01..08"),
    ("POST line of I2V / of T2V", "BASE-02 BASE-03 BASE-06"),
    ("Header lines of the samples", "HDR-01 HDR-03"),
    ("Sample bodies", "T2V-BODY-01 I2V-IMG-03"),
    ("Python, JavaScript, cURL samples", "HDR-04"),
    ("Output: id, status, polling URL", "SUBMIT-03..12"),
    ("Try-Now links", ""),
    ("Optional webhook header, POST callback instead of polling", "WEBHOOK-01..17 WEBHOOK-22"),
    ("I2V prompt: required, 2000 characters, camera syntax", "I2V-PROMPT-*"),
    ("I2V image: required, URL or data URL, formats, size, side, ratio", "I2V-IMG-*"),
    ("I2V prompt_optimizer, fast_pretreatment, aigc_watermark with defaults", "I2V-PO-01 I2V-FP-* I2V-WM-01"),
    ("I2V duration: integer, 6, 6 or 10", "I2V-DUR-* I2V-COMBO-01"),
    ("I2V resolution: default and two values", "I2V-RES-* I2V-COMBO-01"),
    ("I2V callback_url: status updates", "I2V-CB-01 WEBHOOK-18..21"),
    ("Rules named for the Fast variant", "I2V-MODEL-01"),
    ("T2V prompt: required", "T2V-PROMPT-* T2V-BODY-02"),
    ("T2V duration, resolution: types only", "T2V-DUR-01 T2V-DUR-02 T2V-RES-01 T2V-RES-02"),
    ("T2V booleans without defaults", "T2V-PO-01 T2V-FP-01 T2V-WM-01"),
    ("T2V callback_url: when ready", "T2V-CB-01 WEBHOOK-18 WEBHOOK-19"),
    ("T2V has no image member", "T2V-IMG-01 SUBMIT-18"),
    ("Request header table", "HDR-01..03"),
    ("Code 202 accepted and queued", "SUBMIT-01 SUBMIT-02 SUBMIT-05 SUBMIT-14"),
    ("Code 400", "SUBMIT-16 SUBMIT-17 ERR-400-01 T2V-* I2V-*"),
    ("Code 401", "AUTH-01..04 AUTH-12"),
    ("Code 402", "ERR-402-*"),
    ("Code 403", "AUTH-09 AUTH-10"),
    ("Code 429", "ERR-429-* STATUS-13"),
    ("Code 500", "ERR-500-01 ERR-500-02"),
    ("The list is headed common", "ERR-SET-01"),
    ("Queue system errors and model validation errors", "ERR-ENV-01 ERR-ENV-02"),
    ("402 body", "ERR-402-02 WAL-01"),
    ("Model-not-found body", "ERR-400-02 ERR-400-03"),
    ("Error via status or webhook", "FAIL-* WEBHOOK-04 WEBHOOK-07"),
    ("Universal status endpoint, GET, header", "BASE-04 BASE-05 AUTH-02 AUTH-07 STATUS-01 STATUS-10..12"),
    ("Completed envelope", "STATUS-03..09 OUT-01..07 OUT-12"),
    ("Timestamps of the example", "TIME-*"),
    ("Field: request_id unique", "SUBMIT-10"),
    ("Field: status, five words", "STATUS-02"),
    ("Field: model_id", "STATUS-04"),
    ("Field: error string or null", "STATUS-05 FAIL-01"),
    ("Field: media_url array, R2 CDN", "OUT-02..05 OUT-08 OUT-13"),
    ("Field: media_type", "OUT-06 OUT-07"),
    ("Field: created_at, completed_at", "TIME-03 TIME-05 TIME-07 TIME-08"),
    ("Field: polling_url only initially", "SUBMIT-11 STATUS-07 WEBHOOK-22"),
    ("Meaning of QUEUED, PROCESSING", "FLOW-01 FLOW-02 STATUS-06"),
    ("Meaning of COMPLETED", "OUT-01 STATUS-05"),
    ("Meaning of FAILED", "FAIL-01 FAIL-02 WAL-03"),
    ("Meaning of ERROR: not charged", "FAIL-03 WAL-02"),
    ("Flow diagram", "FLOW-*"),
    ("Workflow: submit, keep the id", "SUBMIT-13"),
    ("Workflow: poll every 5 to 10 s", "STATUS-12 STATUS-13"),
    ("Workflow: on COMPLETED download", "OUT-08..11"),
    ("Tip: callback instead of polling", "WEBHOOK-03 WEBHOOK-08"),
    (
        "Nothing about methods, aliases, TLS, ownership, caching, retention, idempotency, precedence, secrecy",
        "BASE-06..08 AUTH-08 AUTH-10 AUTH-11 HDR-02 HDR-05 STATUS-14..16 SUBMIT-15 ERR-PREC-01 WAL-04..06",
    ),
)


def _ids(text: str) -> Iterator[str]:
    """The ids that a list of ids, globs and ranges stands for. Raises KeyError for an id without a clause."""
    for word in text.split():
        if span := re.fullmatch(r"(.+)-(\d\d)\.\.(\d\d)", word):
            for number in range(int(span[2]), int(span[3]) + 1):
                yield BY_ID[f"{span[1]}-{number:02d}"].id
        elif "*" in word:
            yield from (clause.id for clause in select([word]))
        else:
            yield BY_ID[word].id


#: The statements of the page in our words, each with the ids of the clauses made from it.
STATEMENTS: tuple[tuple[str, tuple[str, ...]], ...] = tuple((text, tuple(_ids(clauses))) for text, clauses in _PAGE)
