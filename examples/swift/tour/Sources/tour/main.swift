// The tour: a real sales pipeline, from four CSV files into one CRM file and back out as figures.
// It prints what the tours in the other languages print (examples/expected.txt).

import Crm
import Foundation

/// An opportunity that is still in the stage Engaging.
let deal = "UP409DSB"
let data = "examples/data/crm_sales_opportunities/"

/// The four entity types of the pipeline.
func define(_ crm: Crm) throws {
    try crm.define(
        "product",
        [
            Attribute("name", .text, required: true, unique: true),
            Attribute("series", .text),
            Attribute("price", .money, currency: "USD"),
        ])
    try crm.define(
        "agent",
        [
            Attribute("name", .text, required: true, unique: true, sensitivity: .personal),
            Attribute("manager", .text, sensitivity: .personal),
            Attribute("region", .choice, options: ["Central", "East", "West"]),
        ])
    let sectors = [
        "employment", "entertainment", "finance", "marketing", "medical", "retail", "services",
        "software", "technology", "telecommunications",
    ]
    try crm.define(
        "account",
        [
            Attribute("name", .text, required: true, unique: true),
            Attribute("sector", .choice, options: sectors),
            Attribute("founded", .integer),
            Attribute("revenue_millions", .decimal),
            Attribute("employees", .integer),
            Attribute("office", .text),
            Attribute("parent", .reference, target: "account"),
        ])
    let stages = ["Prospecting", "Engaging", "Won", "Lost"]
    try crm.define(
        "opportunity",
        [
            Attribute("code", .text, required: true, unique: true),
            Attribute("agent", .reference, target: "agent"),
            Attribute("product", .reference, target: "product"),
            Attribute("account", .reference, index: true, target: "account"),
            Attribute("stage", .choice, index: true, options: stages),
            Attribute("engaged_on", .date),
            Attribute("closed_on", .date),
            Attribute("value", .money, currency: "USD"),
        ])
    print("defined product, agent, account, opportunity")
}

func plain(_ column: String, _ attribute: String) -> ColumnMapping {
    ColumnMapping(column: column, attribute: attribute)
}

func byName(_ column: String, _ attribute: String) -> ColumnMapping {
    ColumnMapping(column: column, attribute: attribute, lookup: "name")
}

/// Imports one table; what does not fit is reported and left empty.
func load(
    _ crm: Crm, _ what: String, _ type: String, _ file: String, _ columns: [ColumnMapping],
    mode: ImportMode = .create, key: String? = nil
) throws {
    let request = ImportCsv(
        entityType: type, path: data + file, columns: columns, dialect: CsvDialect(), mode: mode,
        key: key, badCells: .leaveEmpty)
    let report = try crm.importCsv(request) { progress in
        let percent = progress.done * 100 / max(progress.total ?? 0, 1)
        FileHandle.standardError.write(Data("\r\(what): \(percent) %".utf8))
        return true
    }
    FileHandle.standardError.write(Data("\n".utf8))
    print(
        "\(what): \(report.rows) rows, \(report.created) created, \(report.updated) updated, "
            + "\(report.unchanged) unchanged, \(report.rejected) rejected")
    for finding in report.problemCounts {
        let column = finding.column ?? "row"
        print(
            "finding: \(column), \(finding.kind), \(finding.count) times (\(finding.hint ?? "no hint"))")
    }
}

func importAll(_ crm: Crm) throws {
    try load(
        crm, "products", "product", "products.csv",
        [plain("product", "name"), plain("series", "series"), plain("sales_price", "price")])
    try load(
        crm, "agents", "agent", "sales_teams.csv",
        [
            plain("sales_agent", "name"), plain("manager", "manager"),
            plain("regional_office", "region"),
        ])
    try load(
        crm, "accounts", "account", "accounts.csv",
        [
            plain("account", "name"), plain("sector", "sector"),
            plain("year_established", "founded"), plain("revenue", "revenue_millions"),
            plain("employees", "employees"), plain("office_location", "office"),
        ])
    // A second pass, now that every parent is there.
    try load(
        crm, "parents", "account", "accounts.csv",
        [plain("account", "name"), byName("subsidiary_of", "parent")], mode: .update, key: "name")
    try load(
        crm, "opportunities", "opportunity", "sales_pipeline.csv",
        [
            plain("opportunity_id", "code"), byName("sales_agent", "agent"),
            byName("product", "product"), byName("account", "account"),
            plain("deal_stage", "stage"), plain("engage_date", "engaged_on"),
            plain("close_date", "closed_on"), plain("close_value", "value"),
        ])
    for attribute in ["account", "engaged_on", "closed_on"] {
        let missing = try crm.records("opportunity").count(filter: [attribute: nil])
        print("finding: \(missing) opportunities without \(attribute)")
    }
}

/// The figures of the pipeline, by read-only SQL over the table of the entity type.
func figures(_ crm: Crm) throws {
    func number(_ expression: String, _ stage: String) throws -> Double {
        let rows = try crm.query("SELECT \(expression) FROM opportunity WHERE stage = ?1", [.text(stage)])
        return rows[0][0].double ?? 0
    }
    let won = try number("count(*)", "Won")
    let lost = try number("count(*)", "Lost")
    // Money is stored in cents, dates in days.
    let value = try number("sum(value) / 100", "Won")
    let cycle = try number("avg(closed_on - engaged_on)", "Won")
    print("opportunities \(try crm.records("opportunity").count())")
    print("won \(Int(won))")
    print("lost \(Int(lost))")
    print("win rate \(String(format: "%.5f", won / (won + lost)))")
    print("won value \(Int(value))")
    print("mean won cycle \(String(format: "%.2f", cycle)) days")
}

func history(_ crm: Crm) throws {
    let opportunities = crm.records("opportunity")
    for entry in try opportunities.history(opportunities.get(by: "code", .text(deal)).id) {
        let stage = entry.values["stage"]?.string ?? "unknown"
        let kind = entry.kind == .recordCreated ? "record_created" : "record_patched"
        print(
            "history: version \(entry.version), \(kind), stage \(stage), by \(entry.actor), "
                + "because \(entry.cause ?? "nothing was said")")
    }
}

/// Wins a deal that was still open, in the name of a person and with a reason.
func change(_ crm: Crm) throws {
    let crm = try crm.actingAs(actor: "user:moses", cause: "signed on the fair")
    let opportunities = crm.records("opportunity")
    let open = try opportunities.get(by: "code", .text(deal))
    let won = try opportunities.patch(
        open.id, ["stage": "Won", "closed_on": "2017-12-31", "value": "4821"],
        expectedVersion: open.version)
    print("changed \(deal): stage \(won["stage"].string ?? "unknown"), version \(won.version)")
    try history(crm)
}

/// Two activities with the deal, and everything that happened with it in one order.
func happen(_ crm: Crm) throws {
    for preset in [ActivityPreset.call, .meeting] {
        _ = try crm.defineActivityPreset(request: DefineActivityPreset(preset: preset))
    }
    let id = try crm.records("opportunity").get(by: "code", .text(deal)).id
    let subject = RecordRef(entityType: "opportunity", id: id)
    _ = try crm.recordActivity(
        request: NewActivity(
            kind: "call", at: day("2017-12-28", hour: 15), subject: subject, direction: .inbound,
            properties: ["minutes": 20]))
    _ = try crm.recordActivity(
        request: NewActivity(kind: "meeting", at: day("2017-12-30", hour: 9), subject: subject))
    let page = try crm.listTimeline(request: ListTimeline(entityType: "opportunity", id: id))
    for entry in page.entries {
        let what =
            switch entry.item {
            case .activity(let activity): activity.kind
            case .change(let change) where change.kind == .recordCreated: "record_created"
            case .change: "record_patched"
            case .association: "association"
            case .stage(let move): move.stage
            }
        print("timeline: \(ISO8601DateFormatter().string(from: entry.at).prefix(10)), \(what)")
    }
}

func day(_ day: String, hour: Int = 0) -> Date {
    ISO8601DateFormatter().date(from: "\(day)T00:00:00Z")! + TimeInterval(hour * 3600)
}

/// A condition about the deal, whether it is true, and which of its parts are.
func explain(_ crm: Crm) throws {
    let met = event("meeting").within(.days(7)).count >= 1
    let called = event("call").within(.days(30)).count >= 2
    let plan = try crm.explainCondition(
        request: ExplainCondition(
            entityType: "opportunity",
            condition: (field("stage") == "Won" && (met || called)).condition,
            at: day("2017-12-31"),
            id: crm.records("opportunity").get(by: "code", .text(deal)).id))
    guard let answer = plan.answer else { return }
    print("condition: \(answer.isTrue)")
    for leaf in answer.leaves {
        print("because: \(leaf.path), \(leaf.isTrue), \(leaf.reason)")
    }
}

/// The win rate by product and agent.
func pivot(_ crm: Crm) throws {
    let table = try crm.records("opportunity").pivot(
        rows: [GroupKey(field: "name", related: "product")],
        columns: [GroupKey(field: "name", related: "agent")],
        GroupMeasure(share: (field("stage") == "Won").condition),
        where: field("stage").oneOf(["Won", "Lost"]).condition)
    print("pivot: \(table.rowLabels.count) products by \(table.columnLabels.count) agents")
    let agent = table.columnLabels[0][0].string ?? "unknown"
    for (place, label) in table.rowLabels.enumerated() {
        let product = label[0].string ?? "unknown"
        let (total, first) = (table.rowTotals[place], table.cells[place][0])
        print("pivot: \(product): \(share(total)), of \(agent) \(share(first))")
    }
    print("pivot: all \(share(table.total))")
}

func share(_ cell: PivotCell) -> String {
    let rate = cell.value.double.map { String(format: "%.4f", $0) } ?? "nothing"
    return "\(rate) (\(cell.numerator ?? 0)/\(cell.denominator ?? 0))"
}

/// An import that is looked at before it is made, and taken back afterwards.
func plan(_ crm: Crm) throws {
    let plan = try crm.imports.planCsv(
        "account", [plain("account", "name"), plain("sector", "sector")],
        text: "account,sector\nAcme Corporation,technology\nInitrode,finance\n", key: ["name"])
    print("plan: \(plan.create) create, \(plan.update) update, \(plan.error) error")
    for row in try crm.imports.rows(of: plan).rows {
        for change in row.changes {
            let (old, new) = (change.old.string ?? "nothing", change.new.string ?? "nothing")
            print("planned: row \(row.row), \(change.attribute) from \(old) to \(new)")
        }
    }
    let run = try crm.imports.apply(plan)
    print("applied: \(run.import.created) created, \(run.import.updated) updated")
    print("accounts \(try crm.records("account").count())")
    let report = try crm.imports.revert(run.import.id)
    print(
        "reverted: \(report.archived) archived, \(report.restored) restored, "
            + "\(report.leftCount) left")
    print("accounts \(try crm.records("account").count())")
}

/// The pipeline replayed as a lifecycle: what happened with each deal moves it, when it happened.
func stages(_ crm: Crm) throws {
    for kind in ["deal_engaged", "deal_won", "deal_lost"] {
        _ = try crm.defineActivityKind(request: DefineActivityKind(name: kind))
    }
    let lifecycles = crm.lifecycles
    try lifecycles.define(
        "pipeline", of: "opportunity",
        ["prospecting", "engaging", Stage("won", .won), Stage("lost", .lost)],
        triggers: [
            StageTrigger(to: "engaging", activity: "deal_engaged"),
            StageTrigger(to: "won", activity: "deal_won"),
            StageTrigger(to: "lost", activity: "deal_lost", reason: "not said"),
        ])
    let report = try crm.recordActivities(
        request: RecordActivities(activities: try replayed(crm), allOrNothing: true))
    print("replayed \(report.outcomes.count) activities")

    let now = day("2018-01-31")
    for step in try lifecycles.funnel("pipeline").stages {
        print(
            "funnel: \(step.stage): \(step.reached) reached, \(step.wentOn) went on "
                + "(\(part(step.conversion))), \(step.lost) lost (\(part(step.dropOff))), "
                + "median \(days(step.medianMicros)) days")
    }
    let opportunities = crm.records("opportunity")
    let id = try opportunities.get(by: "code", .text(deal)).id
    for time in try lifecycles.times(id, in: "pipeline", at: now).stages {
        print(
            "time: \(time.stage): \(days(time.currentMicros)) days now, "
                + "\(days(time.latestMicros)) days before")
    }
    for stuck in try lifecycles.stuck("pipeline", longerThan: .days(400), at: now, limit: 3).records {
        let code = try opportunities.get(stuck.id)["code"].string ?? "unknown"
        print("stuck: \(code), \(stuck.stage) for \(days(stuck.micros)) days")
    }
    let moves = try crm.listTimeline(
        request: ListTimeline(entityType: "opportunity", id: id, items: [.stage]))
    for entry in moves.entries {
        guard case .stage(let move) = entry.item else { continue }
        let at = ISO8601DateFormatter().string(from: entry.at).prefix(10)
        print("moved: \(at), \(move.stage), \(move.implied.count) skipped")
    }
    print(try lifecycles.draw("pipeline"), terminator: "")
}

/// Accounts scored, the best of them, a rule tried out, and a segment that moves with the score.
func promise(_ crm: Crm) throws {
    try defineScore(crm)
    print("scored \(try crm.scores.rescore("promise").records) accounts")
    let at = day("2026-01-02")
    let accounts = crm.records("account")
    let best = try crm.scores.ranking("promise", at: at, limit: 3).records
    for account in best {
        let name = try accounts.get(account.id)["name"].string ?? "unknown"
        print("ranked: \(name), \(points(account.score))")
    }
    let call = DefineRule(
        name: "call_large", entityType: "account", on: .scored("promise", "hot"),
        condition: "employees >= 15000", actions: [.emit("call", "name")])
    let tried = try crm.rules.simulate(call, with: best.map { $0.id })
    print("rule: would run for \(tried.wouldRun) of \(best.count)")

    let warm = try crm.segments.define(
        "warm", of: "account", where: "score(\"promise\" >= 70)")
    print("segment: \(warm.members) members")
    let id = try accounts.get(by: "name", .text("Zotware")).id
    let subject = RecordRef(entityType: "account", id: id)
    _ = try crm.recordActivity(
        request: NewActivity(kind: "meeting", at: day("2025-12-31", hour: 9), subject: subject))
    let told = try crm.scores.explain(id, in: "promise", at: at)
    print("score: Zotware \(points(told.record.score))")
    var sum: Int64 = 0
    for line in told.contributions {
        let (group, rule) = (line.group ?? "all", line.rule ?? "all")
        print("points: \(group), \(rule): \(points(line.afterTotal)) of \(points(line.raw))")
        sum += line.afterTotal
    }
    print("points: \(points(sum)) in all")
    let isMember = try crm.segments.explain(id, in: "warm").isMember
    let size = try crm.segments.sizes(of: "warm")[0].size
    print("segment: \(size) members, Zotware is one: \(isMember)")
    for change in try crm.simulate(until: day("2026-05-01")).changes {
        let at = ISO8601DateFormatter().string(from: change.at).prefix(10)
        let kind = change.kind == .segmentLeft ? "segment_left" : "score_crossed"
        print("to come: \(at), \(kind)")
    }
}

/// What is promising in an account: its sector and size, what it bought, and talks of late.
func defineScore(_ crm: Crm) throws {
    let sectors = [
        ValuePoints(value: .text("software"), points: 20),
        ValuePoints(value: .text("technology"), points: 15),
        ValuePoints(value: .text("finance"), points: 10),
    ]
    let fit = ScoreGroup(
        name: "fit",
        rules: [
            ScoreRule(name: "sector", field: "sector", values: sectors),
            ScoreRule(name: "size", points: 2, field: "employees", per: 1000, max: 30),
        ])
    let bought = ScoreRule(
        name: "bought", condition: "related(inverse opportunity.account: stage = \"Won\") >= 45",
        points: 20)
    let talks = ScoreGroup(
        name: "talks", rules: [ScoreRule(name: "met", activity: "meeting", points: 20)],
        fade: ScoreFade(kind: .halfLife, span: "P30D"), max: 60)
    try crm.scores.define(
        "promise", of: "account", [fit, ScoreGroup(name: "deals", rules: [bought]), talks],
        thresholds: [
            ScoreLevel(name: "warm", atLeast: 70), ScoreLevel(name: "hot", atLeast: 80),
        ])
    try crm.scores.publish("promise")
}

/// Thousandths of a point.
func points(_ thousandths: Int64) -> String {
    String(format: "%lld.%03lld", thousandths / 1000, thousandths % 1000)
}

/// A person is asked, confirms, takes it back, sees what is known, and is erased.
func permission(_ crm: Crm) throws {
    try crm.consents.publish("news", "en", "We write once a week.")
    try crm.consents.define(
        Purpose(name: "news", channels: ["email"], policy: "eu_strict", notice: "news"))
    let id = try crm.contacts.create(["given_name": "Ann", "email": "ann@example.org"]).id
    let ann = RecordRef(entityType: "contact", id: id)
    func say() throws {
        let decision = try crm.consents.mayContact(ann, "email", "news")
        print(decision.isAllowed ? "may we: yes" : "may we: no, \(decision.reasons[0].text)")
    }
    try say()
    let waiting = try crm.consents.request(
        RequestConsent(
            subject: ann, channel: "email", contactPoint: "ann@example.org", purpose: "news"))
    let event = try crm.consents.confirm(waiting.token)
    print("confirmed: version \(event.noticeVersion ?? 0) of the text")
    try say()
    try crm.consents.withdraw(ann, channel: "email")
    try say()
    let proof = try crm.consents.prove(MayContact(subject: ann, channel: "email", purpose: "news"))
    let checked = try crm.consents.checkProof(proof.document, head: proof.head)
    print("proof: \(checked.events) events, \(checked.isValid ? "valid" : "not valid")")
    let known = try crm.privacy.access(ann).tables.map { "\($0.rows) in \($0.name)" }
    print("known: \(known.joined(separator: ", "))")
    try crm.privacy.erase(ann)
    print("erased: the chain \(try crm.journal.verify().isOk ? "holds" : "is broken")")
}

/// What happened with each deal of which it is known when it began.
func replayed(_ crm: Crm) throws -> [NewActivity] {
    let deals = try crm.records("opportunity").select(
        ["id", "stage", "engaged_on", "closed_on"], where: "engaged_on is set", limit: 10_000)
    var activities: [NewActivity] = []
    for row in deals.rows {
        let subject = RecordRef(entityType: "opportunity", id: row[0].string ?? "")
        func happened(_ kind: String, _ value: Value) {
            let at = day(value.string ?? "")
            activities.append(NewActivity(kind: kind, at: at, subject: subject))
        }
        happened("deal_engaged", row[2])
        switch row[1].string {
        case "Won": happened("deal_won", row[3])
        case "Lost": happened("deal_lost", row[3])
        default: break
        }
    }
    return activities
}

func part(_ part: Double?) -> String { part.map { String(format: "%.4f", $0) } ?? "nothing" }

/// Microseconds as whole days.
func days(_ micros: Int64?) -> String { micros.map { String($0 / 86_400_000_000) } ?? "no" }

let path = NSTemporaryDirectory() + "tour-\(ProcessInfo.processInfo.processIdentifier).crm"
defer { try? FileManager.default.removeItem(atPath: path) }
// A clock that steps and ids that count, so that every run prints the same. A host leaves this out.
let replay = Replay(start: Date(timeIntervalSince1970: 1_767_225_600), stepMicros: 1000)
let crm = try Crm.open(path, replay: replay)
try define(crm)
try importAll(crm.actingAs(actor: "import:pipeline", cause: "first load"))
try figures(crm)
try change(crm)
try happen(crm)
try explain(crm)
try pivot(crm)
try plan(crm)
try stages(crm)
try promise(crm)
try permission(crm)
try crm.close()

let again = try Crm.open(path, replay: replay)
print("closed and opened again")
print("opportunities \(try again.records("opportunity").count())")
try history(again)
let report = try again.verify(request: Empty())
print("verified \(report.records) records: \(report.isOk ? "ok" : "damaged")")
try again.close()
