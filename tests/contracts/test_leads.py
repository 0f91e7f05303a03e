"""``Leads`` and ``Directory``: who somebody is, and never two people in one."""

import pytest

from convsync_cli.sync.model.address import Address, AddressKind
from convsync_cli.sync.model.lead import Contact, Handle
from convsync_cli.sync.model.leadid import is_lead_id
from convsync_cli.sync.model.message import Channel
from convsync_cli.sync.model.query import Found, Query

from .conftest import NOON, Agency, email, person, phone

ANN = person(email("Ann@X.co"), phone("+15550100"), name="Ann", company="Acme", gohighlevel="c1")
BROKEN = (email("ann at x", None), phone("call me", None))


def by_address(value: str, kind: str = "email", workspace: str | None = None) -> Query:
    return Query("address", value, kind, workspace)


def find(agency: Agency, *queries: Query) -> list[set[Found]]:
    return agency.store.directory.find(queries)


class TestLearning:
    def test_somebody_new_is_added_with_all_that_is_told(self, agency: Agency) -> None:
        learnt = agency.learn(ANN)
        lead = agency.known(learnt.lead)
        assert (learnt.answer, learnt.conflicts, learnt.unusable) == ("added", 0, 0)
        assert (lead.workspace, lead.name, lead.company) == ("acme", "Ann", "Acme")
        assert lead.addresses == ANN.addresses
        assert lead.handles == ANN.handles

    def test_an_id_is_opaque(self, agency: Agency) -> None:
        assert is_lead_id(agency.learn(ANN).lead)

    @pytest.mark.parametrize(
        "contact",
        [
            ANN,
            person(email("a@x.co")),
            person(phone("+15550100")),
            person(emailbison="7"),
            person(*BROKEN),
            person(*BROKEN, gohighlevel="c1"),
            person(email("a@x.co"), email("b@x.co"), email("A@x.co", "a@x.co")),
        ],
    )
    def test_learning_twice_changes_nothing(self, agency: Agency, contact: Contact) -> None:
        first = agency.learn(contact, when=0)
        before = agency.known(first.lead)
        again = agency.learn(contact, when=60)
        assert (again.lead, again.answer) == (first.lead, "unchanged")
        assert agency.known(first.lead) == before
        assert agency.store.leads.count("acme") == 1

    def test_two_processes_learn_one_person(self, agency: Agency, neighbour: Agency) -> None:
        assert neighbour.learn(ANN).lead == agency.learn(ANN).lead

    def test_the_same_person_in_two_workspaces_is_two_leads(self, agency: Agency) -> None:
        assert agency.learn(ANN).lead != agency.learn(ANN, "beta").lead
        assert agency.store.leads.count("acme") == agency.store.leads.count("beta") == 1

    def test_what_is_missing_is_completed(self, agency: Agency) -> None:
        lead = agency.learn(person(email("ann@x.co"))).lead
        assert agency.learn(ANN).answer == "updated"
        known = agency.known(lead)
        assert (known.name, known.company) == ("Ann", "Acme")
        assert known.values(AddressKind.PHONE) == ("+15550100",)
        assert known.handles_at("gohighlevel") == ("c1",)

    def test_what_is_known_is_never_overwritten(self, agency: Agency) -> None:
        lead = agency.learn(ANN).lead
        agency.learn(person(email("ann@x.co"), name="Anna", company="Other"))
        known = agency.known(lead)
        assert (known.name, known.company) == ("Ann", "Acme")

    def test_completing_one_thing_overwrites_no_other(self, agency: Agency) -> None:
        lead = agency.learn(person(email("a@x.co"), name="Ann")).lead
        agency.learn(person(email("a@x.co"), name="Anna", company="Acme"))
        known = agency.known(lead)
        assert (known.name, known.company) == ("Ann", "Acme")

    def test_what_is_known_is_never_erased(self, agency: Agency) -> None:
        lead = agency.learn(ANN).lead
        before = agency.known(lead)
        assert agency.learn(person(gohighlevel="c1")).answer == "unchanged"
        assert agency.known(lead) == before

    def test_a_second_address_is_kept_beside_the_first(self, agency: Agency) -> None:
        lead = agency.learn(ANN).lead
        agency.learn(person(email("ann@home.co"), gohighlevel="c1"))
        assert agency.known(lead).values(AddressKind.EMAIL) == ("ann@x.co", "ann@home.co")

    def test_what_a_provider_tells_about_a_lead_goes_to_that_lead(self, agency: Agency) -> None:
        lead = agency.known(agency.learn(person(email("a@x.co"))).lead)
        told = person(phone("+15550100"), gohighlevel="c9")
        learnt = agency.store.leads.learn_about(lead, told, {}, NOON)
        assert (learnt.lead, learnt.answer) == (lead.id, "updated")
        assert agency.known(lead.id).handles_at("gohighlevel") == ("c9",)

    def test_ids_follow_the_order_of_learning(self, agency: Agency) -> None:
        learnt = [agency.learn(person(email(f"{i}@x.co")), when=i).lead for i in range(5)]
        assert learnt == sorted(learnt)


class TestWhoSomebodyIs:
    def test_a_handle_decides_before_an_email(self, agency: Agency) -> None:
        held = agency.learn(person(gohighlevel="c1")).lead
        agency.learn(person(email("a@x.co")))
        assert agency.learn(person(email("a@x.co"), gohighlevel="c1")).lead == held

    def test_an_email_decides_before_a_phone(self, agency: Agency) -> None:
        agency.learn(person(phone("+15550100")))
        mailed = agency.learn(person(email("a@x.co"))).lead
        assert agency.learn(person(phone("+15550100"), email("a@x.co"))).lead == mailed

    def test_a_phone_decides_where_nothing_else_does(self, agency: Agency) -> None:
        lead = agency.learn(person(phone("+15550100"))).lead
        assert agency.learn(person(phone("+15550100"), email("a@x.co"))).lead == lead

    def test_a_phone_shared_by_two_emails_is_two_people(self, agency: Agency) -> None:
        ann = agency.learn(person(email("a@x.co"), phone("+15550100")))
        bob = agency.learn(person(email("b@x.co"), phone("+15550100")))
        assert (bob.answer, bob.conflicts) == ("added", 1)
        assert agency.known(ann.lead).values(AddressKind.PHONE) == ("+15550100",)
        assert agency.known(bob.lead).values(AddressKind.PHONE) == ()

    def test_a_phone_shared_by_two_handles_at_one_provider_is_two_people(
        self, agency: Agency
    ) -> None:
        ann = agency.learn(person(phone("+15550100"), gohighlevel="c1"))
        bob = agency.learn(person(phone("+15550100"), gohighlevel="c2"))
        assert bob.answer == "added"
        assert agency.known(ann.lead).handles_at("gohighlevel") == ("c1",)

    def test_a_phone_with_handles_at_two_providers_is_one_person(self, agency: Agency) -> None:
        ann = agency.learn(person(phone("+15550100"), gohighlevel="c1"))
        again = agency.learn(person(phone("+15550100"), emailbison="7"))
        assert again.lead == ann.lead

    def test_a_conflict_leaves_the_address_where_it_is(self, agency: Agency) -> None:
        owner = agency.learn(person(email("a@x.co"))).lead
        other = agency.learn(person(email("b@x.co"), gohighlevel="c2")).lead
        clash = agency.learn(person(email("a@x.co"), gohighlevel="c2"))
        assert (clash.lead, clash.conflicts) == (other, 1)
        assert find(agency, by_address("a@x.co")) == [{Found("acme", owner)}]

    def test_an_address_in_conflict_is_kept_as_text(self, agency: Agency) -> None:
        agency.learn(person(email("a@x.co"), phone("+15550100")))
        bob = agency.learn(person(email("b@x.co"), phone("+15550100"))).lead
        assert agency.known(bob).addresses[1] == Address(AddressKind.PHONE, "+15550100", None)

    def test_the_same_conflict_twice_changes_nothing(self, agency: Agency) -> None:
        agency.learn(person(email("a@x.co"), phone("+15550100")))
        bob = person(email("b@x.co"), phone("+15550100"))
        before = agency.known(agency.learn(bob).lead)
        again = agency.learn(bob)
        assert (again.answer, again.conflicts) == ("unchanged", 1)
        assert agency.known(again.lead) == before

    def test_a_handle_in_conflict_stays_with_its_owner(self, agency: Agency) -> None:
        owner = agency.learn(person(emailbison="7")).lead
        other = agency.known(agency.learn(person(gohighlevel="c1")).lead)
        told = person(emailbison="7")
        learnt = agency.store.leads.learn_about(other, told, {}, NOON)
        assert (learnt.answer, learnt.conflicts) == ("unchanged", 1)
        assert agency.known(owner).handles == (Handle("emailbison", "7"),)
        assert agency.known(other.id).handles_at("emailbison") == ()


class TestUnusableAddresses:
    def test_they_are_kept_as_they_are_and_counted(self, agency: Agency) -> None:
        learnt = agency.learn(person(*BROKEN))
        assert (learnt.answer, learnt.unusable) == ("added", 2)
        assert agency.known(learnt.lead).addresses == BROKEN

    def test_they_find_nobody(self, agency: Agency) -> None:
        agency.learn(person(*BROKEN))
        assert find(agency, by_address("ann at x"), by_address("call me", "phone")) == [set()] * 2

    def test_they_make_no_two_people_one(self, agency: Agency) -> None:
        agency.learn(person(email("a@x.co"), phone("none", None)))
        assert agency.learn(person(email("b@x.co"), phone("none", None))).answer == "added"

    def test_they_take_nobodys_place(self, agency: Agency) -> None:
        """Two leads may have the same unusable text."""
        learnt = {agency.learn(person(*BROKEN, gohighlevel=f"c{i}")).lead for i in range(2)}
        assert len(learnt) == 2


class TestChannels:
    @pytest.mark.parametrize(
        ("contact", "opened"),
        [
            (person(email("a@x.co")), {Channel.SMS, Channel.EMAIL}),
            (person(phone("+15550100")), {Channel.SMS}),
            (person(gohighlevel="c1"), {Channel.SMS}),
            (person(emailbison="7"), {Channel.EMAIL}),
            (person(smartlead="7"), set()),  # a provider that no account uses
            (person(*BROKEN), set()),
        ],
    )
    def test_what_finds_a_lead_opens_its_channels(
        self, agency: Agency, contact: Contact, opened: set[Channel]
    ) -> None:
        assert set(agency.store.archive.syncs(agency.learn(contact).lead)) == opened

    def test_what_is_learnt_later_opens_further_ones(self, agency: Agency) -> None:
        lead = agency.learn(person(gohighlevel="c1")).lead
        agency.learn(person(gohighlevel="c1", emailbison="7"))
        assert set(agency.store.archive.syncs(lead)) == {Channel.SMS, Channel.EMAIL}

    def test_an_open_channel_keeps_how_far_it_was_read(self, agency: Agency) -> None:
        lead = agency.learn(ANN).lead
        agency.save(lead, channel=Channel.SMS, cursor="page 2")
        agency.learn(ANN)
        assert agency.store.archive.syncs(lead)[Channel.SMS].cursor == "page 2"


class TestFinding:
    @pytest.mark.parametrize(
        "query",
        [
            by_address("ann@x.co"),
            by_address("+15550100", "phone"),
            Query("handle", "c1", "gohighlevel"),
        ],
    )
    def test_a_lead_is_found_by_whatever_it_has(self, agency: Agency, query: Query) -> None:
        lead = agency.learn(ANN).lead
        assert find(agency, query) == [{Found("acme", lead)}]

    def test_a_lead_is_found_by_its_id(self, agency: Agency) -> None:
        lead = agency.learn(ANN).lead
        assert find(agency, Query("id", lead)) == [{Found("acme", lead)}]

    @pytest.mark.parametrize(
        "query",
        [
            by_address("ann@x.co", "phone"),
            by_address("Ann@X.co"),
            by_address("%"),
            Query("handle", "c1", "emailbison"),
            Query("id", "L000000000000000000"),
            by_address(""),
        ],
    )
    def test_nothing_else_finds_it(self, agency: Agency, query: Query) -> None:
        agency.learn(ANN)
        assert find(agency, query) == [set()]

    def test_a_query_without_a_workspace_finds_in_all(self, agency: Agency) -> None:
        both = {Found(w, agency.learn(ANN, w).lead) for w in ("acme", "beta")}
        assert find(agency, by_address("ann@x.co")) == [both]

    def test_a_query_for_a_workspace_finds_in_it_only(self, agency: Agency) -> None:
        for workspace in ("acme", "beta"):
            agency.learn(ANN, workspace)
        (found,) = find(agency, by_address("ann@x.co", workspace="beta"))
        assert {each.workspace for each in found} == {"beta"}

    def test_answers_come_in_the_order_of_the_queries(self, agency: Agency) -> None:
        leads = [agency.learn(person(email(f"{i}@x.co"), gohighlevel=f"c{i}")).lead for i in (0, 1)]
        queries = [
            Query("handle", "c1", "gohighlevel"),
            by_address("0@x.co"),
            by_address("nobody@x.co"),
            Query("id", leads[1]),
            by_address("1@x.co"),
        ]
        wanted = [{leads[1]}, {leads[0]}, set(), {leads[1]}, {leads[1]}]
        assert [{each.lead for each in found} for found in find(agency, *queries)] == wanted

    def test_no_query_finds_nobody(self, agency: Agency) -> None:
        assert find(agency) == []

    @pytest.mark.parametrize(
        "text",
        [
            "żółć@przykład.pl",
            "用户@例え.jp",
            "o'brien\"@x.co",
            "👩‍🚀@x.co",
            "a\\u0000@x.co",
            "ß@x.co",
        ],
    )
    def test_any_letters_find_and_are_kept(self, agency: Agency, text: str) -> None:
        lead = agency.learn(person(email(text, text), name=text, gohighlevel=text)).lead
        queries = by_address(text), Query("handle", text, "gohighlevel")
        assert find(agency, *queries) == [{Found("acme", lead)}] * 2
        assert agency.known(lead).name == text


class TestListing:
    def test_leads_come_in_the_order_of_learning(self, agency: Agency) -> None:
        learnt = [agency.learn(person(email(f"{i}@x.co")), when=i).lead for i in range(5)]
        pages = agency.store.leads.leads(None, "", 3), agency.store.leads.leads(None, learnt[2], 3)
        assert [[lead.id for lead in page] for page in pages] == [learnt[:3], learnt[3:]]

    def test_leads_of_one_workspace_can_be_listed_alone(self, agency: Agency) -> None:
        agency.learn(ANN)
        beta = agency.learn(ANN, "beta").lead
        assert [lead.id for lead in agency.store.leads.leads("beta", "", 9)] == [beta]

    def test_a_lead_that_does_not_exist_is_none(self, agency: Agency) -> None:
        assert agency.store.leads.lead("L000000000000000000") is None

    def test_a_workspace_without_leads_has_none(self, agency: Agency) -> None:
        agency.learn(ANN)
        assert agency.store.leads.count("beta") == 0


def test_a_contact_that_cannot_be_stored_whole_is_not_stored(agency: Agency) -> None:
    unspeakable = Address(AddressKind.EMAIL, "\ud800", "b@x.co")  # no text: half of a pair
    with pytest.raises(UnicodeEncodeError):
        agency.learn(person(email("a@x.co"), unspeakable))
    assert agency.store.leads.count("acme") == 0
