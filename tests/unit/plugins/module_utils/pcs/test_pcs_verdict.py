# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What crm_verify says: an error of the change is refused, a warning and what was wrong before are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs import cib, transaction, values
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.runner import PcsError, Result
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.transaction import INVALID, Transaction, Verdict

DEPRECATED = "Support for stonith-action of 'poweroff' is deprecated and will be removed in a future release (use 'off' instead)"
NO_FENCING = "Resource start-up disabled since no STONITH resources have been defined"

# What each release says of the same two findings: a warning alone, and an error.
WARNED = {
    "2.1.5": f"(unpack_config) \twarning: {DEPRECATED}\ncrm_verify: Warnings found during check: config may not be valid\n",
    "2.1.7": f"{DEPRECATED}\nConfiguration invalid (with warnings)\n",
    "3.0.1": f"warning: {DEPRECATED}\nConfiguration invalid (with warnings)\n",
    "3.0.2": f"warning: {DEPRECATED}\nConfiguration may need attention\n",
}
REFUSED = {
    "2.1.5": f"(unpack_resources) \terror: {NO_FENCING}\ncrm_verify: Errors found during check: config not valid\n",
    "2.1.7": f"{NO_FENCING}\nConfiguration invalid (with errors)\n",
    "3.0.1": f"error: {NO_FENCING}\nConfiguration invalid (with errors)\n",
    "3.0.2": f"error: {NO_FENCING}\nConfiguration invalid\n",
}


@pytest.mark.parametrize("release", WARNED)
def test_warnings_are_no_errors(release):
    assert transaction.verdict(INVALID, WARNED[release]) == Verdict(frozenset(), frozenset({DEPRECATED}))
    assert transaction.verdict(INVALID, REFUSED[release]) == Verdict(frozenset({NO_FENCING}))


def test_both_are_told_apart():
    text = f"warning: {DEPRECATED}\n{REFUSED['3.0.2']}"
    assert transaction.verdict(INVALID, text) == Verdict(frozenset({NO_FENCING}), frozenset({DEPRECATED}))


def test_the_same_fault_on_another_line_of_another_file_is_the_same():
    def text(place):
        return (
            f"{place}: element rsc_location: Relax-NG validity error : Type integer doesn't allow value 'abc'\n"
            "(main) \terror: CIB did not pass schema validation\ncrm_verify: Errors found during check: config not valid\n"
        )

    one, two = transaction.verdict(INVALID, text("/run/a/cib.xml:1")), transaction.verdict(INVALID, text("/run/b/cib.xml:77"))
    assert one == two
    assert len(one.errors) == 2


@pytest.mark.parametrize("text", ["", "Configuration invalid (-V may provide more detail)\n"])
def test_an_answer_without_a_reason_is_an_error(text):
    assert transaction.verdict(INVALID, text).errors


def test_a_verifier_that_fails_is_no_judgement():
    with pytest.raises(PcsError, match=r"could not judge .*\(1\): cannot allocate"):
        transaction.verdict(1, "cannot allocate memory")


@pytest.fixture
def commit(fixture_text):
    """A change of the pair's stickiness, with what crm_verify says of the configuration before and after it."""

    def run_with(before, after, tolerate=False, empty=False):
        original = cib.dump(cib.empty_like(cib.parse(fixture_text("cib-3.0.xml")))) if empty else fixture_text("cib-3.0.xml")
        edited = cib.parse(original)
        values.apply(edited, "resource_default", values.plan("resource_default", {}, {"resource-stickiness": "7"}))

        def run(argv, stdin=None):
            assert argv[0] == "crm_verify"
            changed = 'name="resource-stickiness" value="7"' in Path(argv[-1]).read_text(encoding="utf-8")
            text = after if changed else before
            return Result(INVALID if text else 0, "", text)

        return Transaction(run, original, edited).verify(tolerate)

    return run_with


@pytest.mark.parametrize("release", WARNED)
def test_what_the_cluster_is_warned_of_is_told_and_does_not_stop_a_change(commit, release):
    (warning,) = commit(WARNED[release], WARNED[release])
    assert warning == f"Pacemaker warned of the cluster's configuration before, and still does: {DEPRECATED}"
    (warning,) = commit("", WARNED[release])
    assert warning == f"Pacemaker warns of the new configuration: {DEPRECATED}"


@pytest.mark.parametrize("release", REFUSED)
def test_an_error_that_was_there_before_is_told_and_does_not_stop_a_change(commit, release):
    (warning,) = commit(REFUSED[release], REFUSED[release])
    assert warning == f"the cluster's configuration was invalid before, and still is: {NO_FENCING}"


@pytest.mark.parametrize("release", REFUSED)
def test_an_error_of_the_change_is_refused_and_named_alone(commit, release):
    with pytest.raises(PcsError) as refused:
        commit(WARNED[release], WARNED[release] + REFUSED[release] if release != "2.1.7" else REFUSED[release])
    assert NO_FENCING in str(refused.value)
    assert DEPRECATED not in str(refused.value)


def test_what_a_first_declaration_leaves_out_is_its_own_error(commit):
    """An empty cluster has the error that it lacks fence devices: a whole declaration without any is to blame for it."""
    with pytest.raises(PcsError, match=NO_FENCING):
        commit(REFUSED["2.1.5"], REFUSED["2.1.5"], empty=True)
    assert commit(REFUSED["2.1.5"], REFUSED["2.1.5"], empty=True, tolerate=True)
