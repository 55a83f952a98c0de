//! The fold: what the set of a person's events permits, and what stands against it.
//!
//! A grant counts against a restriction only if it names it, so that nothing here compares the times of
//! the two. That makes the fold commutative, associative and idempotent, and lets a withdrawal win that
//! arrives late, twice, or from a device whose clock is wrong. What lifts is no grant: it takes back what
//! no grant answers by itself, such as an objection, and only if somebody said it, after what it lifts.
//!
//! Records that are linked as one person keep ledgers of their own. Each is read beside the others: what
//! restricts one restricts all, and what permits one permits no other, so that a link can only make the
//! answer stricter, and taking it away gives back the answer of before.
//!
//! What permits at a contact point that is suppressed permits nothing. Which ones are, only the file can
//! tell: it is no event, and so no part of the fold.

use std::collections::BTreeSet;

use super::{ConsentKind, LegalBasis};
use crate::{RecordId, Timestamp};

/// What shows that a permission was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i64)]
pub(crate) enum Proof {
    /// Nothing.
    None = 0,
    /// One step.
    Single = 1,
    /// A request and a confirmation.
    Double = 2,
}

impl Proof {
    pub(crate) fn from_number(number: i64) -> Self {
        match number {
            2.. => Self::Double,
            1 => Self::Single,
            _ => Self::None,
        }
    }
}

/// What of an event a decision looks at.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) id: RecordId,
    pub(crate) kind: ConsentKind,
    pub(crate) channel: Option<String>,
    pub(crate) purpose: Option<String>,
    pub(crate) controller: Option<String>,
    pub(crate) contact_point: Option<String>,
    pub(crate) basis: Option<LegalBasis>,
    pub(crate) proof: Proof,
    pub(crate) notice: Option<String>,
    pub(crate) language: Option<String>,
    pub(crate) notice_version: Option<i64>,
    pub(crate) occurred_at: Timestamp,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) supersedes: Vec<RecordId>,
    pub(crate) by_guardian: bool,
    /// So many contacts in a span are enough.
    pub(crate) frequency: Option<(u32, String)>,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// What is asked about, or permitted.
#[derive(Clone, Copy)]
pub(crate) struct Key<'a> {
    pub(crate) channel: &'a str,
    pub(crate) purpose: &'a str,
    pub(crate) controller: Option<&'a str>,
    /// `None`: any.
    pub(crate) contact_point: Option<&'a str>,
}

impl Entry {
    /// Whether it is still so at a moment.
    pub(crate) fn lasts(&self, at: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| end > at)
    }

    /// Whether a restriction reaches this key: what it does not name, it means all of.
    pub(crate) fn reaches(&self, key: &Key<'_>) -> bool {
        let within = |mine: &Option<String>, asked: Option<&str>| {
            mine.as_deref().is_none_or(|mine| asked.is_none_or(|asked| mine == asked))
        };
        within(&self.channel, Some(key.channel))
            && within(&self.purpose, Some(key.purpose))
            // A purpose without a controller is nobody's in particular, and so anybody's.
            && within(&self.controller, key.controller)
            && within(&self.contact_point, key.contact_point)
    }

    /// Whether it takes an event back: what permits however it is said, what restricts only by somebody's
    /// word that came after it, and never what a new grant answers.
    fn lifts(&self, entry: &Self) -> bool {
        let is_said = self.proof != Proof::None && self.occurred_at >= entry.occurred_at;
        let may = entry.kind.is_permitting() || (entry.kind.is_liftable() && is_said);
        self.kind == ConsentKind::Lifted && may && self.supersedes.contains(&entry.id)
    }

    /// Whether it takes all of this key back for ever.
    pub(crate) fn ends(&self, key: &Key<'_>) -> bool {
        let is_no = matches!(
            self.kind,
            ConsentKind::Denied | ConsentKind::Withdrawn | ConsentKind::Objected
        );
        let point = self.contact_point.as_deref();
        is_no
            && self.expires_at.is_none()
            && self.reaches(key)
            && (point.is_none() || point == key.contact_point)
    }

    /// Whether something permitting is about this key.
    pub(crate) fn permits(&self, key: &Key<'_>) -> bool {
        self.kind.is_permitting()
            && self.channel.as_deref() == Some(key.channel)
            && self.purpose.as_deref() == Some(key.purpose)
            && self.controller.as_deref() == key.controller
            && match (&self.contact_point, key.contact_point) {
                (Some(mine), Some(asked)) => mine == asked,
                _ => true,
            }
    }
}

/// What the ledger of a linked record adds: a restriction, a minor, a use or a wish.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Kin {
    entry: Entry,
    /// What permits in that ledger, and names it.
    answers: Vec<Entry>,
}

/// The events of a person, each once, by id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ledger {
    entries: Vec<Entry>,
    kin: Vec<Kin>,
    /// What the grants of linked ledgers name.
    named_there: Vec<RecordId>,
    /// The contact points, of those that are looked at, that are suppressed.
    suppressed: BTreeSet<String>,
}

/// Something that permits, with what the moment decides about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Permit {
    pub(crate) event: RecordId,
    pub(crate) channel: String,
    pub(crate) purpose: String,
    pub(crate) controller: Option<String>,
    pub(crate) basis: LegalBasis,
    pub(crate) proof: Proof,
    pub(crate) notice: Option<String>,
    pub(crate) language: Option<String>,
    pub(crate) notice_version: Option<i64>,
    /// From when on: it was given, and restrictions that end are over.
    pub(crate) from: Timestamp,
    pub(crate) until: Option<Timestamp>,
    pub(crate) paused_until: Option<Timestamp>,
    /// When it was given.
    pub(crate) given_at: Timestamp,
    /// When it was given or last used.
    pub(crate) active_at: Timestamp,
    pub(crate) by_guardian: bool,
    pub(crate) minor_until: Option<Timestamp>,
    /// Whether its own contact point is suppressed, so that it permits nothing there.
    pub(crate) is_suppressed: bool,
}

/// Whether something that permits counts against a restriction: it names it, or is named by one
/// that was carried over from another record.
pub(super) fn names(permitting: &Entry, restriction: &Entry) -> bool {
    permitting.supersedes.contains(&restriction.id)
        || restriction.supersedes.contains(&permitting.id)
}

/// What must prove that a linked ledger answers a restriction, where the policy asks for `least`. A basis
/// without a proof of its own, and a restriction that ends by itself, need a confirmation whatever the
/// policy asks for: what is kept for conditions has one proof for all policies and moments.
fn needed(permitting: &Entry, restriction: &Entry, least: Proof) -> Proof {
    let is_consent = permitting.basis == Some(LegalBasis::Consent);
    if is_consent && restriction.expires_at.is_none() { least } else { Proof::Double }
}

impl Ledger {
    /// The ledger of these events, in whatever order and however often they come.
    pub(crate) fn new(mut entries: Vec<Entry>) -> Self {
        entries.sort_by_key(|entry| entry.id);
        entries.dedup_by_key(|entry| entry.id);
        Self { entries, ..Self::default() }
    }

    /// The same ledger, read beside those of the records that are linked with it.
    #[must_use]
    pub(crate) fn beside(mut self, others: impl IntoIterator<Item = Self>) -> Self {
        for other in others {
            let wish = other.own_wish();
            let uses = other.entries.iter().filter(|entry| entry.kind == ConsentKind::Used);
            let told = other.own_restrictions().chain(other.own_minors()).chain(uses).chain(wish);
            self.kin.extend(told.map(|entry| {
                let grants = other.permitting().filter(|one| one.supersedes.contains(&entry.id));
                Kin { entry: entry.clone(), answers: grants.cloned().collect() }
            }));
            let named = other.permitting().flat_map(|grant| grant.supersedes.iter().copied());
            self.named_there.extend(named);
        }
        self.kin.sort_by_key(|kin| kin.entry.id);
        self
    }

    /// The same ledger, where these contact points are suppressed.
    #[must_use]
    pub(crate) fn without(mut self, suppressed: impl IntoIterator<Item = String>) -> Self {
        self.suppressed.extend(suppressed);
        self
    }

    /// The same ledger, where nothing permits but these events.
    #[must_use]
    pub(crate) fn permitting_only(mut self, events: &[RecordId]) -> Self {
        self.entries.retain(|entry| !entry.kind.is_permitting() || events.contains(&entry.id));
        self
    }

    /// Whether a contact point is known to be suppressed.
    pub(crate) fn is_suppressed(&self, contact_point: Option<&str>) -> bool {
        contact_point.is_some_and(|point| self.suppressed.contains(point))
    }

    /// The contact points through which this was permitted that are suppressed: these ways to the person are
    /// not to be used, also where nothing needs to be permitted.
    pub(crate) fn suppressed(&self, key: &Key<'_>) -> BTreeSet<&str> {
        let permitting = self.permitting().filter(|entry| entry.permits(key));
        let points = permitting.filter_map(|entry| entry.contact_point.as_deref());
        points.filter(|point| self.is_suppressed(Some(point))).collect()
    }

    /// The events of the record itself, by id.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The events that count: those of the record itself, and what linked ones add.
    pub(crate) fn counting(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().chain(self.kin.iter().map(|kin| &kin.entry))
    }

    /// What permits in linked ledgers, and so answers what restricts there.
    pub(crate) fn answering(&self) -> impl Iterator<Item = &Entry> {
        self.kin.iter().flat_map(|kin| &kin.answers)
    }

    /// Whether an event is one of the record itself.
    pub(crate) fn owns(&self, id: RecordId) -> bool {
        self.entries.iter().any(|entry| entry.id == id)
    }

    /// The events of a kind that linked ledgers add.
    fn added(&self, is_wanted: fn(ConsentKind) -> bool) -> impl Iterator<Item = &Entry> {
        self.kin.iter().map(|kin| &kin.entry).filter(move |entry| is_wanted(entry.kind))
    }

    /// Whether an event was taken back by name.
    fn is_lifted(&self, entry: &Entry) -> bool {
        self.entries.iter().any(|one| one.lifts(entry))
    }

    /// What restricts in the ledger of the record itself, and was not taken back.
    pub(crate) fn own_restrictions(&self) -> impl Iterator<Item = &Entry> {
        let restricting = self.entries.iter().filter(|entry| entry.kind.is_restricting());
        restricting.filter(|entry| !self.is_lifted(entry))
    }

    /// What restricts, here or in a linked ledger, and was not taken back.
    pub(crate) fn restrictions(&self) -> impl Iterator<Item = &Entry> {
        self.own_restrictions().chain(self.added(ConsentKind::is_restricting))
    }

    /// Whether something that permits here counts against a restriction.
    pub(crate) fn is_named_here(&self, restriction: &Entry) -> bool {
        self.permitting().any(|grant| names(grant, restriction))
    }

    /// Whether something that permits counts against a restriction, here or in a linked ledger.
    /// Saying it again is something else then.
    pub(crate) fn is_named(&self, restriction: &Entry) -> bool {
        self.is_named_here(restriction)
            || self.named_there.contains(&restriction.id)
            || !restriction.supersedes.is_empty()
    }

    /// How well it is proven that the ledger of a linked record answers its own restriction for this key.
    fn answer_there(&self, restriction: &Entry, key: &Key<'_>) -> Proof {
        let kin = self.kin.iter().find(|kin| kin.entry.id == restriction.id);
        let answers = kin.into_iter().flat_map(|kin| &kin.answers).filter(|grant| {
            let point = grant.contact_point.as_deref();
            grant.permits(key) && (point.is_none() || point == key.contact_point)
        });
        answers.map(|grant| grant.proof).max().unwrap_or(Proof::None)
    }

    /// What permits, and was not taken back. What linked ledgers permit, they permit to their own record.
    pub(crate) fn permitting(&self) -> impl Iterator<Item = &Entry> {
        let permitting = self.entries.iter().filter(|entry| entry.kind.is_permitting());
        permitting.filter(|entry| !self.is_lifted(entry))
    }

    /// The restrictions that reach what an event permits, at a contact point or at its own, concern its
    /// legal basis, and are not named by it; each with the proof of what answers it in a linked ledger.
    fn reaching<'a>(
        &'a self,
        permitting: &Entry,
        contact_point: Option<&str>,
    ) -> Vec<(&'a Entry, Proof)> {
        let key = Key {
            channel: permitting.channel.as_deref().unwrap_or_default(),
            purpose: permitting.purpose.as_deref().unwrap_or_default(),
            controller: permitting.controller.as_deref(),
            contact_point: contact_point.or(permitting.contact_point.as_deref()),
        };
        let concerning = self.restrictions().filter(|entry| entry.kind.concerns(permitting.basis));
        let reaching = concerning.filter(|entry| entry.reaches(&key));
        let unnamed = reaching.filter(|entry| !names(permitting, entry));
        unnamed.map(|entry| (entry, self.answer_there(entry, &key))).collect()
    }

    /// The same without those that a linked ledger answers with the proof that the policy asks for.
    pub(crate) fn against<'a>(
        &'a self,
        permitting: &Entry,
        contact_point: Option<&str>,
        least: Proof,
    ) -> Vec<&'a Entry> {
        let reaching = self.reaching(permitting, contact_point).into_iter();
        let unanswered =
            reaching.filter(|(entry, answer)| *answer < needed(permitting, entry, least));
        unanswered.map(|(entry, _)| entry).collect()
    }

    /// What says in the ledger of the record itself that the person is a minor, and was not taken
    /// back.
    pub(super) fn own_minors(&self) -> impl Iterator<Item = &Entry> {
        let minors = self.entries.iter().filter(|entry| entry.kind == ConsentKind::Minor);
        minors.filter(|entry| !self.is_lifted(entry))
    }

    /// What says that the person is a minor, and was not taken back.
    pub(crate) fn minors(&self) -> impl Iterator<Item = &Entry> {
        self.own_minors().chain(self.added(|kind| kind == ConsentKind::Minor))
    }

    /// The contacts of the person, through whichever record.
    pub(crate) fn uses(&self) -> impl Iterator<Item = &Entry> {
        self.counting().filter(|entry| entry.kind == ConsentKind::Used)
    }

    /// How the person wanted to be contacted, as they said through this record and did not take back.
    pub(crate) fn own_wishes(&self) -> impl Iterator<Item = &Entry> {
        let wishes = self.entries.iter().filter(|entry| entry.kind == ConsentKind::Preferred);
        wishes.filter(|entry| !self.is_lifted(entry))
    }

    /// How the person wants to be contacted, as they said last through this record.
    pub(crate) fn own_wish(&self) -> Option<&Entry> {
        self.own_wishes().max_by_key(|entry| (entry.occurred_at, entry.id))
    }

    /// How the person wants to be contacted, as they said last through each record. All of it holds.
    pub(crate) fn wishes(&self) -> impl Iterator<Item = &Entry> {
        self.own_wish().into_iter().chain(self.added(|kind| kind == ConsentKind::Preferred))
    }

    /// Until when the person is a minor; `None` if nobody said so.
    pub(crate) fn minor_until(&self) -> Option<Timestamp> {
        self.minors().map(|entry| entry.expires_at.unwrap_or(Timestamp::MAX)).max()
    }

    /// When the person was last contacted so through this record, at a contact point or any.
    pub(crate) fn last_use(
        &self,
        channel: &str,
        purpose: &str,
        contact_point: Option<&str>,
    ) -> Option<Timestamp> {
        let uses = self.entries.iter().filter(|entry| {
            let used = entry.contact_point.as_deref();
            entry.kind == ConsentKind::Used
                && entry.channel.as_deref() == Some(channel)
                && entry.purpose.as_deref() == Some(purpose)
                // Where one of the two names no contact point, it is about all of them.
                && (used.is_none() || contact_point.is_none() || used == contact_point)
        });
        uses.map(|entry| entry.occurred_at).max()
    }

    /// What an event permits at a contact point, or its own; `None` if something stands against it for
    /// ever.
    pub(crate) fn permit(&self, entry: &Entry, contact_point: Option<&str>) -> Option<Permit> {
        let (mut from, mut paused_until, mut proof) = (entry.occurred_at, None, entry.proof);
        for (restriction, answer) in self.reaching(entry, contact_point) {
            if answer >= needed(entry, restriction, Proof::Single) {
                // It is worth no more than what answers for it elsewhere.
                proof = proof.min(answer);
                continue;
            }
            let until = restriction.expires_at?;
            if restriction.kind == ConsentKind::Paused {
                paused_until = paused_until.max(Some(until));
            } else {
                from = from.max(until);
            }
        }
        Some(Permit { from, paused_until, proof, ..self.unopposed(entry)? })
    }

    /// Until when an event permitted at its own contact point: when it was taken back by name, or for ever
    /// by what nothing answers, or the end that it has. What ends for a time only is no end.
    pub(crate) fn permitted_until(&self, entry: &Entry) -> Option<Timestamp> {
        let lifted = self.entries.iter().filter(|one| one.lifts(entry));
        let reaching = self.reaching(entry, None).into_iter();
        let ended = reaching.filter(|(restriction, answer)| {
            restriction.expires_at.is_none() && *answer < needed(entry, restriction, Proof::Single)
        });
        let ends = lifted.chain(ended.map(|(restriction, _)| restriction));
        let ends = ends.map(|end| end.occurred_at.max(entry.occurred_at));
        ends.chain(entry.expires_at).min()
    }

    /// What an event permits at its own contact point, as if nothing stood against it.
    pub(crate) fn unopposed(&self, entry: &Entry) -> Option<Permit> {
        let (channel, purpose) = (entry.channel.as_deref()?, entry.purpose.as_deref()?);
        let last_use = self.last_use(channel, purpose, entry.contact_point.as_deref());
        Some(Permit {
            event: entry.id,
            channel: channel.to_owned(),
            purpose: purpose.to_owned(),
            controller: entry.controller.clone(),
            basis: entry.basis?,
            proof: entry.proof,
            notice: entry.notice.clone(),
            language: entry.language.clone(),
            notice_version: entry.notice_version,
            from: entry.occurred_at,
            until: entry.expires_at,
            paused_until: None,
            given_at: entry.occurred_at,
            active_at: last_use.max(Some(entry.occurred_at))?,
            by_guardian: entry.by_guardian,
            minor_until: self.minor_until(),
            is_suppressed: self.is_suppressed(entry.contact_point.as_deref()),
        })
    }

    /// What each event permits at its own contact point and nothing stands against for ever, by id: what
    /// the file keeps for conditions.
    pub(crate) fn permits(&self) -> Vec<Permit> {
        self.permitting().filter_map(|entry| self.permit(entry, None)).collect()
    }

    /// The restrictions that a grant by the person answers: those of this key that were known, and lay
    /// before it.
    pub(crate) fn answered(&self, key: &Key<'_>, at: Timestamp) -> Vec<RecordId> {
        let known = self.restrictions().filter(|entry| entry.kind.is_answered_by_a_grant());
        let before = known.filter(|entry| entry.occurred_at <= at && entry.reaches(key));
        before.map(|entry| entry.id).collect()
    }
}
