// The tour: a real sales pipeline, from four CSV files into one CRM file and back out as figures.
// It prints what the tours in the other languages print (examples/expected.txt).

import java.nio.file.Files
import java.time.Instant
import java.time.LocalDate
import java.util.Locale
import org.crmcore.Crm
import org.crmcore.Do
import org.crmcore.On
import org.crmcore.attribute
import org.crmcore.conditions.event
import org.crmcore.conditions.field
import org.crmcore.model.ActivityPreset
import org.crmcore.model.BadCells
import org.crmcore.model.ColumnMapping
import org.crmcore.model.DefineActivityKind
import org.crmcore.model.DefineActivityPreset
import org.crmcore.model.DefineRule
import org.crmcore.model.Direction
import org.crmcore.model.ExplainCondition
import org.crmcore.model.FadeKind
import org.crmcore.model.GroupKey
import org.crmcore.model.GroupMeasure
import org.crmcore.model.ImportMode
import org.crmcore.model.Kind
import org.crmcore.model.ListTimeline
import org.crmcore.model.MayContact
import org.crmcore.model.NewActivity
import org.crmcore.model.PivotCell
import org.crmcore.model.Purpose
import org.crmcore.model.RecordActivities
import org.crmcore.model.RecordRef
import org.crmcore.model.Replay
import org.crmcore.model.RequestConsent
import org.crmcore.model.ScoreFade
import org.crmcore.model.ScoreGroup
import org.crmcore.model.ScoreLevel
import org.crmcore.model.ScoreRule
import org.crmcore.model.SelectColumn
import org.crmcore.model.Sensitivity
import org.crmcore.model.StageKind
import org.crmcore.model.StageTrigger
import org.crmcore.model.TimelineItem
import org.crmcore.model.TimelineKind
import org.crmcore.model.Value
import org.crmcore.model.ValuePoints
import org.crmcore.pivot
import org.crmcore.select
import org.crmcore.stage
import org.crmcore.string

private const val DATA = "examples/data/crm_sales_opportunities"

/** An opportunity that is still in the stage Engaging. */
private const val DEAL = "UP409DSB"

fun main() {
    val folder = Files.createTempDirectory("tour")
    val path = folder.resolve("tour.crm")
    // A clock that steps and ids that count, so that every run prints the same. A host leaves this out.
    val replay = Replay(Instant.parse("2026-01-01T00:00:00Z"), 1000)
    try {
        Crm.open(path.toString(), replay = replay).use { crm ->
            define(crm)
            crm.actingAs("import:pipeline", "first load").use(::importAll)
            figures(crm)
            change(crm)
            happen(crm)
            explain(crm)
            pivot(crm)
            plan(crm)
            stages(crm)
            promise(crm)
            permission(crm)
        }
        Crm.open(path.toString(), replay = replay).use { crm ->
            println("closed and opened again")
            println("opportunities ${crm.records("opportunity").count()}")
            history(crm)
            val report = crm.verify()
            println("verified ${report.records} records: ${if (report.isOk) "ok" else "damaged"}")
        }
    } finally {
        folder.toFile().deleteRecursively()
    }
}

/** The four entity types of the pipeline. */
private fun define(crm: Crm) {
    crm.defineType(
        "product",
        attribute("name", Kind.TEXT, required = true, unique = true),
        attribute("series", Kind.TEXT),
        attribute("price", Kind.MONEY, currency = "USD"),
    )
    crm.defineType(
        "agent",
        attribute("name", Kind.TEXT, required = true, unique = true, sensitivity = Sensitivity.PERSONAL),
        attribute("manager", Kind.TEXT, sensitivity = Sensitivity.PERSONAL),
        attribute("region", Kind.CHOICE, options = listOf("Central", "East", "West")),
    )
    val sectors = listOf(
        "employment", "entertainment", "finance", "marketing", "medical", "retail", "services", "software",
        "technology", "telecommunications",
    )
    crm.defineType(
        "account",
        attribute("name", Kind.TEXT, required = true, unique = true),
        attribute("sector", Kind.CHOICE, options = sectors),
        attribute("founded", Kind.INTEGER),
        attribute("revenue_millions", Kind.DECIMAL),
        attribute("employees", Kind.INTEGER),
        attribute("office", Kind.TEXT),
        attribute("parent", Kind.REFERENCE, target = "account"),
    )
    crm.defineType(
        "opportunity",
        attribute("code", Kind.TEXT, required = true, unique = true),
        attribute("agent", Kind.REFERENCE, target = "agent"),
        attribute("product", Kind.REFERENCE, target = "product"),
        attribute("account", Kind.REFERENCE, target = "account", index = true),
        attribute("stage", Kind.CHOICE, options = listOf("Prospecting", "Engaging", "Won", "Lost"), index = true),
        attribute("engaged_on", Kind.DATE),
        attribute("closed_on", Kind.DATE),
        attribute("value", Kind.MONEY, currency = "USD"),
    )
    println("defined product, agent, account, opportunity")
}

private fun plain(column: String, attribute: String) = ColumnMapping(column, attribute)

private fun byName(column: String, attribute: String) = ColumnMapping(column, attribute, lookup = "name")

/** Imports one table; what does not fit is reported and left empty. */
private fun load(
    crm: Crm,
    what: String,
    type: String,
    file: String,
    vararg columns: ColumnMapping,
    mode: ImportMode = ImportMode.CREATE,
    key: String? = null,
) {
    val report = crm.records(type).importCsv(
        columns.asList(),
        path = "$DATA/$file",
        mode = mode,
        key = key,
        badCells = BadCells.LEAVE_EMPTY,
    ) { progress ->
        val total = maxOf(progress.total ?: 0u, 1u)
        System.err.print("\r$what: ${progress.done * 100u / total} %")
        true
    }
    System.err.println()
    println(
        "$what: ${report.rows} rows, ${report.created} created, ${report.updated} updated, " +
            "${report.unchanged} unchanged, ${report.rejected} rejected",
    )
    for (finding in report.problemCounts) {
        val hint = finding.hint ?: "no hint"
        println("finding: ${finding.column ?: "row"}, ${finding.kind}, ${finding.count} times ($hint)")
    }
}

private fun importAll(crm: Crm) {
    load(
        crm, "products", "product", "products.csv",
        plain("product", "name"), plain("series", "series"), plain("sales_price", "price"),
    )
    load(
        crm, "agents", "agent", "sales_teams.csv",
        plain("sales_agent", "name"), plain("manager", "manager"), plain("regional_office", "region"),
    )
    load(
        crm, "accounts", "account", "accounts.csv",
        plain("account", "name"), plain("sector", "sector"), plain("year_established", "founded"),
        plain("revenue", "revenue_millions"), plain("employees", "employees"), plain("office_location", "office"),
    )
    // A second pass, now that every parent is there.
    load(
        crm, "parents", "account", "accounts.csv",
        plain("account", "name"), byName("subsidiary_of", "parent"), mode = ImportMode.UPDATE, key = "name",
    )
    load(
        crm, "opportunities", "opportunity", "sales_pipeline.csv",
        plain("opportunity_id", "code"), byName("sales_agent", "agent"), byName("product", "product"),
        byName("account", "account"), plain("deal_stage", "stage"), plain("engage_date", "engaged_on"),
        plain("close_date", "closed_on"), plain("close_value", "value"),
    )
    for (attribute in listOf("account", "engaged_on", "closed_on")) {
        val missing = crm.records("opportunity").count(mapOf(attribute to null))
        println("finding: $missing opportunities without $attribute")
    }
}

/** The figures of the pipeline, by read-only SQL over the table of the entity type. */
private fun figures(crm: Crm) {
    fun number(expression: String, stage: String): Double {
        val result = crm.sql("SELECT $expression FROM opportunity WHERE stage = ?1", stage)
        return when (val value = result.rows[0][0]) {
            is Value.Integer -> value.v1.toDouble()
            is Value.Real -> value.v1
            else -> error("the statement returned no number")
        }
    }
    val won = number("count(*)", "Won")
    val lost = number("count(*)", "Lost")
    // Money is stored in cents, dates in days.
    val value = number("sum(value) / 100", "Won")
    val cycle = number("avg(closed_on - engaged_on)", "Won")
    println("opportunities ${crm.records("opportunity").count()}")
    println("won ${won.toLong()}")
    println("lost ${lost.toLong()}")
    println("win rate %.5f".format(Locale.ROOT, won / (won + lost)))
    println("won value ${value.toLong()}")
    println("mean won cycle %.2f days".format(Locale.ROOT, cycle))
}

private fun history(crm: Crm) {
    val opportunities = crm.records("opportunity")
    for (entry in opportunities.history(opportunities.getBy("code", DEAL).id)) {
        val stage = (entry.values["stage"] as? Value.Text)?.v1 ?: "unknown"
        println(
            "history: version ${entry.version}, ${entry.kind.name.lowercase()}, stage $stage, " +
                "by ${entry.actor}, because ${entry.cause ?: "nothing was said"}",
        )
    }
}

/** Wins a deal that was still open, in the name of a person and with a reason. */
private fun change(crm: Crm) = crm.actingAs("user:moses", "signed on the fair").use { mine ->
    val opportunities = mine.records("opportunity")
    val open = opportunities.getBy("code", DEAL)
    val won = opportunities.patch(
        open, "stage" to "Won", "closed_on" to LocalDate.of(2017, 12, 31), "value" to "4821",
    )
    println("changed $DEAL: stage ${won.string("stage")}, version ${won.version}")
    history(mine)
}

/** Two activities with the deal, and everything that happened with it in one order. */
private fun happen(crm: Crm) {
    crm.defineActivityPreset(DefineActivityPreset(ActivityPreset.CALL))
    crm.defineActivityPreset(DefineActivityPreset(ActivityPreset.MEETING))
    val deal = RecordRef("opportunity", crm.records("opportunity").getBy("code", DEAL).id)
    crm.recordActivity(
        NewActivity(
            "call", Instant.parse("2017-12-28T15:00:00Z"), deal, direction = Direction.INBOUND,
            properties = mapOf("minutes" to Value.Integer(20)),
        ),
    )
    crm.recordActivity(NewActivity("meeting", Instant.parse("2017-12-30T09:00:00Z"), deal))
    for (entry in crm.listTimeline(ListTimeline("opportunity", deal.id)).entries) {
        val what = when (val item = entry.item) {
            is TimelineItem.Activity -> item.v1.kind
            is TimelineItem.Change -> item.v1.kind.name.lowercase()
            is TimelineItem.Association -> item.v1.kind.name.lowercase()
            is TimelineItem.Stage -> item.v1.stage
        }
        println("timeline: ${entry.at.toString().take(10)}, $what")
    }
}

/** A condition about the deal, whether it is true, and which of its parts are. */
private fun explain(crm: Crm) {
    val met = event("meeting").within("7d").count gte 1
    val called = event("call").within("30d").count gte 2
    val plan = crm.explainCondition(
        ExplainCondition(
            "opportunity",
            ((field("stage") eq "Won") and (met or called)).json,
            Instant.parse("2017-12-31T00:00:00Z"),
            id = crm.records("opportunity").getBy("code", DEAL).id,
        ),
    )
    val answer = checkNotNull(plan.answer)
    println("condition: ${answer.isTrue}")
    for (leaf in answer.leaves) println("because: ${leaf.path}, ${leaf.isTrue}, ${leaf.reason}")
}

/** The win rate by product and agent. */
private fun pivot(crm: Crm) {
    val table = crm.records("opportunity").pivot(
        listOf(GroupKey("name", related = "product")),
        listOf(GroupKey("name", related = "agent")),
        GroupMeasure(share = (field("stage") eq "Won").json),
        where = (field("stage") oneOf listOf("Won", "Lost")).json,
    )
    println("pivot: ${table.rowLabels.size} products by ${table.columnLabels.size} agents")
    val agent = text(table.columnLabels[0][0])
    table.rowLabels.forEachIndexed { place, label ->
        val product = text(label[0]) ?: "unknown"
        println("pivot: $product: ${share(table.rowTotals[place])}, of $agent ${share(table.cells[place][0])}")
    }
    println("pivot: all ${share(table.total)}")
}

private fun share(cell: PivotCell): String {
    val rate = (cell.value as? Value.Real)?.let { "%.4f".format(Locale.ROOT, it.v1) } ?: "nothing"
    return "$rate (${cell.numerator}/${cell.denominator})"
}

private fun text(value: Value?) = (value as? Value.Text)?.v1

/** An import that is looked at before it is made, and taken back afterwards. */
private fun plan(crm: Crm) {
    val plan = crm.imports.planCsv(
        "account",
        listOf(plain("account", "name"), plain("sector", "sector")),
        text = "account,sector\nAcme Corporation,technology\nInitrode,finance\n",
        key = listOf("name"),
    )
    println("plan: ${plan.create} create, ${plan.update} update, ${plan.error} error")
    for (row in crm.imports.rows(plan)) {
        for (change in row.changes) {
            val old = text(change.old) ?: "nothing"
            println("planned: row ${row.row}, ${change.attribute} from $old to ${text(change.new)}")
        }
    }
    val run = crm.imports.apply(plan)
    println("applied: ${run.import.created} created, ${run.import.updated} updated")
    println("accounts ${crm.records("account").count()}")
    val report = crm.imports.revert(run.import.id)
    println("reverted: ${report.archived} archived, ${report.restored} restored, ${report.leftCount} left")
    println("accounts ${crm.records("account").count()}")
}

/** The pipeline replayed as a lifecycle: what happened with each deal moves it, at the time at which it happened. */
private fun stages(crm: Crm) {
    for (kind in listOf("deal_engaged", "deal_won", "deal_lost")) crm.defineActivityKind(DefineActivityKind(kind))
    crm.lifecycles.define(
        "pipeline",
        "opportunity",
        listOf(
            stage("prospecting"), stage("engaging"), stage("won", StageKind.WON), stage("lost", StageKind.LOST),
        ),
        triggers = listOf(
            StageTrigger("engaging", activity = "deal_engaged"),
            StageTrigger("won", activity = "deal_won"),
            StageTrigger("lost", activity = "deal_lost", reason = "not said"),
        ),
    )
    val report = crm.recordActivities(RecordActivities(replayed(crm), true))
    println("replayed ${report.outcomes.size} activities")

    val now = Instant.parse("2018-01-31T00:00:00Z")
    for (step in crm.lifecycles.funnel("pipeline").stages) {
        println(
            "funnel: ${step.stage}: ${step.reached} reached, ${step.wentOn} went on (${part(step.conversion)}), " +
                "${step.lost} lost (${part(step.dropOff)}), median ${days(step.medianMicros)} days",
        )
    }
    val opportunities = crm.records("opportunity")
    val deal = opportunities.getBy("code", DEAL)
    for (time in crm.lifecycles.times("pipeline", deal.id, now).stages) {
        println("time: ${time.stage}: ${days(time.currentMicros)} days now, ${days(time.latestMicros)} days before")
    }
    for (stuck in crm.lifecycles.stuck("pipeline", "400d", at = now, limit = 3).records) {
        println("stuck: ${opportunities.get(stuck.id).string("code")}, ${stuck.stage} for ${days(stuck.micros)} days")
    }
    val moves = ListTimeline("opportunity", deal.id, items = listOf(TimelineKind.STAGE))
    for (entry in crm.listTimeline(moves).entries) {
        val move = (entry.item as TimelineItem.Stage).v1
        println("moved: ${entry.at.toString().take(10)}, ${move.stage}, ${move.implied.size} skipped")
    }
    print(crm.lifecycles.draw("pipeline"))
}

/** Accounts scored, the best of them, a rule tried out, and a segment that moves with the score. */
private fun promise(crm: Crm) {
    defineScore(crm)
    println("scored ${crm.scores.rescore("promise").records} accounts")
    val at = Instant.parse("2026-01-02T00:00:00Z")
    val accounts = crm.records("account")
    val best = crm.scores.ranking("promise", at, limit = 3).records
    for (account in best) println("ranked: ${accounts.get(account.id).string("name")}, ${points(account.score)}")
    val call = DefineRule(
        "call_large", "account", on = On.scored("promise", "hot"),
        condition = "employees >= 15000", actions = listOf(Do.emit("call", "name")),
    )
    val tried = crm.rules.simulate(call, best.map { it.id })
    println("rule: would run for ${tried.wouldRun} of ${best.size}")

    println("segment: ${crm.segments.define("warm", "account", "score(\"promise\" >= 70)").members} members")
    val id = accounts.getBy("name", "Zotware").id
    val subject = RecordRef("account", id)
    crm.recordActivity(NewActivity("meeting", Instant.parse("2025-12-31T09:00:00Z"), subject))
    val told = crm.scores.explain("promise", id, at)
    println("score: Zotware ${points(told.record.score)}")
    for (line in told.contributions) {
        val rule = "${line.group ?: "all"}, ${line.rule ?: "all"}"
        println("points: $rule: ${points(line.afterTotal)} of ${points(line.raw)}")
    }
    println("points: ${points(told.contributions.sumOf { it.afterTotal })} in all")
    val isMember = crm.segments.explain("warm", id).isMember
    println("segment: ${crm.segments.sizes("warm").single().size} members, Zotware is one: $isMember")
    for (change in crm.simulate(Instant.parse("2026-05-01T00:00:00Z")).changes) {
        println("to come: ${change.at.toString().take(10)}, ${change.kind.name.lowercase()}")
    }
}

/** What is promising in an account: its sector and size, what it bought, and talks of late. */
private fun defineScore(crm: Crm) {
    val sectors = listOf("software" to 20L, "technology" to 15L, "finance" to 10L)
    val values = sectors.map { (sector, points) -> ValuePoints(Value.Text(sector), points) }
    val bought = "related(inverse opportunity.account: stage = \"Won\") >= 45"
    crm.scores.define(
        "promise",
        "account",
        listOf(
            ScoreGroup(
                name = "fit",
                rules = listOf(
                    ScoreRule(name = "sector", field = "sector", values = values),
                    ScoreRule(name = "size", points = 2, field = "employees", per = 1000, max = 30),
                ),
            ),
            ScoreGroup(name = "deals", rules = listOf(ScoreRule(name = "bought", condition = bought, points = 20))),
            ScoreGroup(
                name = "talks",
                rules = listOf(ScoreRule(name = "met", activity = "meeting", points = 20)),
                fade = ScoreFade(FadeKind.HALF_LIFE, "P30D"),
                max = 60,
            ),
        ),
        listOf(ScoreLevel("warm", 70), ScoreLevel("hot", 80)),
    )
    crm.scores.publish("promise")
}

/** Thousandths of a point. */
private fun points(thousandths: Long) = "%d.%03d".format(Locale.ROOT, thousandths / 1000, thousandths % 1000)

/** A person is asked, confirms, takes it back, sees what is known, and is erased. */
private fun permission(crm: Crm) {
    crm.consents.publish("news", "en", "We write once a week.")
    crm.consents.define(Purpose("news", channels = listOf("email"), notice = "news", policy = "eu_strict"))
    val ann = RecordRef("contact", crm.contacts.create("given_name" to "Ann", "email" to "ann@example.org").id)
    fun say() {
        val decision = crm.consents.mayContact(ann, "email", "news")
        println(if (decision.isAllowed) "may we: yes" else "may we: no, ${decision.reasons.first().text}")
    }
    say()
    val token = crm.consents.request(RequestConsent(ann, "email", "ann@example.org", "news")).token
    println("confirmed: version ${crm.consents.confirm(token).noticeVersion} of the text")
    say()
    crm.consents.withdraw(ann, channel = "email")
    say()
    val proof = crm.consents.prove(MayContact(ann, "email", "news"))
    val checked = crm.consents.checkProof(proof.document, proof.head)
    println("proof: ${checked.events} events, ${if (checked.isValid) "valid" else "not valid"}")
    println("known: " + crm.privacy.access(ann).tables.joinToString { "${it.rows} in ${it.name}" })
    crm.privacy.erase(ann)
    println("erased: the chain ${if (crm.journal.verify().isOk) "holds" else "is broken"}")
}

/** What happened with each deal of which it is known when it began. */
private fun replayed(crm: Crm): List<NewActivity> {
    val columns = arrayOf("id", "stage", "engaged_on", "closed_on").map { SelectColumn(it) }.toTypedArray()
    val deals = crm.records("opportunity").select(*columns, where = "engaged_on is set", limit = 10_000)
    return deals.rows.flatMap { row ->
        val (id, stage, engaged, closed) = row.map { text(it) }
        val subject = RecordRef("opportunity", checkNotNull(id))
        val happened = { kind: String, day: String? -> NewActivity(kind, Instant.parse("${day}T00:00:00Z"), subject) }
        listOf(happened("deal_engaged", engaged)) + when (stage) {
            "Won" -> listOf(happened("deal_won", closed))
            "Lost" -> listOf(happened("deal_lost", closed))
            else -> emptyList()
        }
    }
}

private fun part(part: Double?) = part?.let { "%.4f".format(Locale.ROOT, it) } ?: "nothing"

/** Microseconds as whole days. */
private fun days(micros: Long?) = micros?.let { (it / 86_400_000_000).toString() } ?: "no"
