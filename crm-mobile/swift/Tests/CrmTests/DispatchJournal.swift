import Crm
import Foundation

// The operations of the chain of the journal.

let journalBranches: [String: Branch] = [
    "journal.head": { crm, given in
        _ = try given.only()
        return try crm.journal.head().json
    },
    "journal.prove": { crm, given in
        let given = try given.only("seqs", "until")
        let seqs = try given.list("seqs") { try $0.wanted($0.integer) }
        return try crm.journal.prove(seqs, until: given["until"].integer).json
    },
    "journal.verify": { crm, given in
        let given = try given.only("head")
        let head = given["head"].isNull ? nil : try given["head"].journalHead()
        return try crm.journal.verify(through: head).json
    },
]

extension Json {
    fileprivate func journalHead() throws -> JournalHead {
        let given = try only("seq", "hlc", "hash")
        return JournalHead(
            seq: try given.wanted(given["seq"].integer), hlc: try given.wanted(given["hlc"].integer),
            hash: try given.string("hash"))
    }
}

extension JournalHead: Wire {
    var json: Json { .object(["seq": .integer(seq), "hlc": .integer(hlc), "hash": .text(hash)]) }
}

extension JournalReport: Wire {
    var json: Json {
        .object([
            "is_ok": .bool(isOk), "whole": CrmTests.json(whole), "erased": CrmTests.json(erased),
            "broken": CrmTests.json(broken), "broken_at": CrmTests.json(brokenAt),
            "leads_through_head": leadsThroughHead.map { .bool($0) } ?? .null, "head": head.json,
        ])
    }
}

extension JournalProof: Wire {
    var json: Json {
        .object([
            "method": .text(method), "before": .text(before), "links": CrmTests.json(links),
            "head": head.json,
        ])
    }
}

extension ProofLink: Wire {
    var json: Json {
        .object([
            "seq": .integer(seq), "device": .text(device), "device_seq": .integer(deviceSeq),
            "hlc": .integer(hlc), "transaction": .integer(transaction), "actor": .text(actor),
            "kind": .text(kind), "type": CrmTests.json(entityType),
            "record_id": CrmTests.json(recordId), "commitment": .text(commitment),
            "content": content?.json ?? .null,
        ])
    }
}

extension ProofContent: Wire {
    var json: Json {
        .object([
            "salt": .text(salt), "cause": CrmTests.json(cause), "body": .text(body),
            "actor": .text(actor), "actor_salt": CrmTests.json(actorSalt),
        ])
    }
}
