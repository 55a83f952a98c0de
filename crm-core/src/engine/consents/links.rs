//! One-click links (RFC 8058): a secret for each person, whose posting withdraws.
//!
//! Only a `POST` withdraws, because mail programs and scanners open every link. It needs nothing but the
//! secret: no login, no cookie, no second page. Posting again does nothing more.

use super::{
    Consents, commit, event_of, hash, new_secret, normal_point, prepare, subject, wrong_token,
};
use crate::{
    ConsentKind, ConsentMethod, Error, ErrorKind, MailHeader, NewUnsubscribeLink, Result,
    Unsubscribe, UnsubscribeLink, Unsubscribed,
    consent::check_evidence,
    limits,
    normal::url::url,
    store::consents::{self as rows, StoredLink},
};

impl Consents<'_> {
    /// Makes a link by which one click withdraws, with the headers that a message carries.
    ///
    /// # Errors
    ///
    /// `UnknownType`; `NotFound` for a person, channel or purpose that is not there; `InvalidValue` if the
    /// address is none, has another scheme than `https` or a part behind a `#`; `LimitExceeded`.
    pub fn unsubscribe_link(&self, request: NewUnsubscribeLink) -> Result<UnsubscribeLink> {
        let url = header_url(&request.url).map_err(|error| error.with_field("url"))?;
        self.crm.write(|writing| {
            let table = subject(writing.tx, writing, &request.subject)?;
            let NewUnsubscribeLink { subject, channel, purpose, contact_point, url: _ } = request;
            let book = writing.catalog.book();
            book.medium(&channel)?;
            let contact_point = normal_point(book, Some(&channel), contact_point.as_deref())?;
            let purpose = purpose.map(|name| book.purpose(&name).cloned()).transpose()?;
            let controller = purpose.as_ref().and_then(|purpose| purpose.controller.clone());
            let purpose = purpose.map(|purpose| purpose.name);
            let link = StoredLink { subject, channel, purpose, controller, contact_point };
            let (token, hash) = new_secret(writing);
            rows::insert_link(writing.tx, &hash, table.model.id, &link)?;
            let sign = match (url.contains('?'), url.chars().last()) {
                (false, _) => "?",
                (true, Some('?' | '&')) => "",
                (true, _) => "&",
            };
            let url = format!("{url}{sign}token={token}");
            let header =
                |name: &str, value: &str| MailHeader { name: name.into(), value: value.into() };
            let headers = vec![
                header("List-Unsubscribe", &format!("<{url}>")),
                header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
            ];
            Ok(UnsubscribeLink { token, url, headers })
        })
    }

    /// Follows a link: a `POST` withdraws, a `GET` only says what it would withdraw.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such link; `UnknownOption` for another method; `LimitExceeded`.
    pub fn unsubscribe(&self, request: Unsubscribe) -> Result<Unsubscribed> {
        check_evidence(request.evidence.as_ref(), "evidence")?;
        let is_post = match request.method.as_str() {
            "POST" => true,
            "GET" | "HEAD" => false,
            _ => {
                return Err(Error::new(ErrorKind::UnknownOption, "must be POST or GET")
                    .with_field("method"));
            }
        };
        self.crm.write(|writing| {
            let link = rows::link(writing.tx, &hash(&request.token))?.ok_or_else(wrong_token)?;
            let StoredLink { subject: whose, channel, purpose, controller, contact_point } = link;
            let (ledger, _) = rows::ledger(writing.tx, whose.id)?;
            // What was said through a linked record is said there: the link may go again. Whoever came
            // back since, through whichever record, withdraws anew.
            let is_said = ledger.own_restrictions().any(|entry| {
                entry.kind == ConsentKind::Withdrawn
                    && entry.channel.as_ref() == Some(&channel)
                    && (&entry.purpose, &entry.contact_point) == (&purpose, &contact_point)
                    && (entry.controller.is_none() || entry.controller == controller)
                    && entry.expires_at.is_none()
                    && !ledger.is_named(entry)
            });
            let mut answer = Unsubscribed {
                is_withdrawn: is_said || is_post,
                channel: channel.clone(),
                purpose: purpose.clone(),
                event: None,
            };
            if is_post && !is_said {
                let table = subject(writing.tx, writing, &whose)?;
                let mut new = event_of(ConsentKind::Withdrawn, whose, ConsentMethod::OneClick);
                (new.channel, new.purpose) = (Some(channel), purpose);
                (new.controller, new.contact_point) = (controller, contact_point);
                new.evidence = request.evidence;
                let event = prepare(writing, new)?;
                answer.event = Some(commit(writing, &table, event)?.id);
            }
            Ok(answer)
        })
    }
}

/// The normal form of a web address: ASCII, and without what would end it in a header.
///
/// # Errors
///
/// `InvalidValue`; `LimitExceeded`.
fn header_url(text: &str) -> Result<String> {
    let url = url(text)?.into_owned();
    if !url.starts_with("https://") {
        let message = "must be an address that begins with https://";
        return Err(Error::new(ErrorKind::InvalidValue, message)
            .with_hint("mail programs post to no other"));
    }
    if url.contains('#') {
        let message = "a part of a page cannot be posted to";
        return Err(Error::new(ErrorKind::InvalidValue, message)
            .with_hint("leave out the # and what follows it"));
    }
    if url.len() > limits::EVIDENCE_BYTES {
        let message = format!("at most {} bytes", limits::EVIDENCE_BYTES);
        return Err(Error::new(ErrorKind::LimitExceeded, message));
    }
    Ok(url)
}
