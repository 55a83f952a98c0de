//! Receipts: the ledger of a person as a document for that person.

use super::{Consents, check_subject, decisions::status, read_event};
use crate::{
    ConsentReceipt, Error, ErrorKind, GetReceipt, Result,
    condition::Moment,
    consent::{Question, ReceiptFacts, Rule, decide, open_files, receipt},
    store::consents as rows,
};

impl Consents<'_> {
    /// Makes a receipt of what a person allowed: which texts were shown, for which purposes, by whom and
    /// until when. It says what is stated in the definitions of purposes and parties; what they lack is
    /// named in `missing`. The same ledger gives the same receipt.
    ///
    /// # Errors
    ///
    /// `UnknownType`; `NotFound` for a person or purpose that is not there, or if there is no consent of
    /// which it would tell.
    pub fn receipt(&self, request: &GetReceipt) -> Result<ConsentReceipt> {
        let now = self.crm.now();
        self.crm.read_explained(|conn, catalog| {
            let table = catalog.table(&request.subject.entity_type);
            let table = table.map_err(|error| error.with_field("subject.type"))?;
            check_subject(conn, table, &request.subject)?;
            let book = catalog.book();
            if let Some(purpose) = &request.purpose {
                book.purpose(purpose)?;
            }
            let bodies = rows::bodies(conn, request.subject.id, 0, u32::MAX)?;
            let events = bodies.iter().map(|(_, body)| read_event(body));
            let events = events.collect::<Result<Vec<_>>>()?;
            let (ledger, _) = rows::ledger(conn, request.subject.id)?;
            let moment = Moment::new(now, "UTC")?;
            let mut files = open_files(book, &events, request.purpose.as_deref());
            for file in &mut files {
                let rule = Rule::new(book, &file.purpose.name, file.channel)?;
                let contact_point = file.contact_point;
                let question = Question { contact_point, moment: &moment, is_german: false };
                let decision = decide(book, &rule, &ledger, question)?;
                let subject = request.subject.id;
                file.status = status(conn, &decision, subject, &rule, contact_point)?;
            }
            let (subject, format) = (&request.subject, request.format);
            receipt(&ReceiptFacts { book, subject, files, format }).ok_or_else(|| {
                Error::new(ErrorKind::NotFound, "there is no consent to tell of")
                    .with_field("subject")
            })
        })
    }
}
