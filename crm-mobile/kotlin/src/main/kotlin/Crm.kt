package org.crmcore

import java.io.ByteArrayOutputStream
import java.time.Instant
import org.crmcore.engine.Engine
import org.crmcore.engine.UniffiWithHandle
import org.crmcore.engine.openEncrypted as openFile
import org.crmcore.engine.rekey as rekeyFile
import org.crmcore.model.AddFile
import org.crmcore.model.AssociationType
import org.crmcore.model.Attribute
import org.crmcore.model.BackupTo
import org.crmcore.model.Change
import org.crmcore.model.ChoiceOption
import org.crmcore.model.DatabaseStats
import org.crmcore.model.DefineAssociationType
import org.crmcore.model.DefineType
import org.crmcore.model.Durability
import org.crmcore.model.Empty
import org.crmcore.model.EngineInfo
import org.crmcore.model.EntityType
import org.crmcore.model.FileRef
import org.crmcore.model.ListChanges
import org.crmcore.model.OpenOptions
import org.crmcore.model.Progress
import org.crmcore.model.ReadFile
import org.crmcore.model.Replay
import org.crmcore.model.RestoreTo
import org.crmcore.model.Restored
import org.crmcore.model.NextTimer
import org.crmcore.model.RunSql
import org.crmcore.model.RunView
import org.crmcore.model.SaveView
import org.crmcore.model.SavedView
import org.crmcore.model.SetClock
import org.crmcore.model.SqlResult
import org.crmcore.model.SimulateTimers
import org.crmcore.model.Simulation
import org.crmcore.model.Tick
import org.crmcore.model.TickTimers
import org.crmcore.model.VerifyReport
import org.crmcore.model.ViewAnswer
import org.crmcore.model.ViewQuery

/**
 * The engine over one file.
 *
 * ```kotlin
 * Crm.open("acme.crm").use { crm ->
 *     val ann = crm.contacts.create("given_name" to "Ann", "email" to "ann@example.org")
 *     crm.contacts.patch(ann, "city" to "Ulm")
 * }
 * ```
 *
 * Every method of [Engine] is here too: one for each operation, from a request record to a response
 * record. What this class adds reads more naturally and means the same.
 *
 * All methods may be called from several threads. They block, so an application keeps them off its
 * main thread (see [io]). They throw [org.crmcore.model.CrmException], with one class for each kind of error.
 */
class Crm private constructor(handle: Long, private val opened: Boolean) : Engine(UniffiWithHandle, handle) {
    internal val subscriptions = Subscriptions()

    /** Records of the type `contact`. */
    val contacts: Records get() = records("contact")

    /** Records of the type `company`. */
    val companies: Records get() = records("company")

    /** Records of the type `deal`. */
    val deals: Records get() = records("deal")

    /** Links between records. */
    val associations: Associations get() = Associations(this)
    /** Stages, and where records stand on them. */
    val lifecycles: Lifecycles get() = Lifecycles(this)
    /** What is done when something happens with a record. */
    val rules: Rules get() = Rules(this)

    /** How promising records are: models, scores, explanations and rankings. */
    val scores: Scores get() = Scores(this)

    /** Scores learned from records: training, leaks, explanations, rankings and back-tests. */
    val learnedScores: LearnedScores get() = LearnedScores(this)

    /** What people allowed, and whether we may contact them. */
    val consents: Consents get() = Consents(this)

    /** What the file knows about people, what they may ask of it, and its end. */
    val privacy: Privacy get() = Privacy(this)

    /** The chain of the journal. */
    val journal: Journal get() = Journal(this)

    /** Named conditions, and their members. */
    val segments: Segments get() = Segments(this)

    /** Imports that are planned, applied and taken back. */
    val imports: Imports get() = Imports(this)

    /** Records of the entity type [type]. */
    fun records(type: String): Records = Records(this, type)

    /**
     * The same file, written to in the name of [actor] and for the reason [cause], as the history keeps
     * them. An actor is a stable key such as `user:17`. Closing what is returned leaves the file open.
     */
    override fun actingAs(actor: String, cause: String?): Crm = adopt(super.actingAs(actor, cause), opened = false)

    /**
     * Closes the file, also for the handles that [actingAs] made. It waits for calls that run in other
     * threads; later calls throw `CrmException.Closed`. Closing twice does nothing.
     *
     * On a handle that [actingAs] made, it releases only that handle.
     */
    override fun close() {
        subscriptions.close()
        if (opened) closeFile() else destroy()
    }

    /**
     * Defines the entity type [name], or changes it as far as the stored records allow. Attributes that
     * are listed are added or changed; those that are not listed stay as they are.
     */
    fun defineType(name: String, vararg attributes: Attribute, label: String = "", description: String = ""): EntityType =
        defineType(DefineType(name, label, description, attributes.asList()))

    /**
     * Defines a type of associations that lead [from] some entity types [to] others, or changes one. Texts,
     * [from] and [to] stay as they are where they are empty, and attributes that are not listed stay; limits,
     * [roles] and [isHierarchy] become what is stated.
     */
    fun defineAssociationType(
        name: String,
        from: List<String> = emptyList(),
        to: List<String> = emptyList(),
        vararg attributes: Attribute,
        label: String = "",
        inverseLabel: String = "",
        description: String = "",
        maxOutgoing: Int? = null,
        maxIncoming: Int? = null,
        roles: List<String> = emptyList(),
        isHierarchy: Boolean = false,
    ): AssociationType = defineAssociationType(
        DefineAssociationType(
            name, label, inverseLabel, description, from, to, maxOutgoing?.toUInt(), maxIncoming?.toUInt(),
            roles.map { ChoiceOption(it) }, isHierarchy, attributes.asList(),
        ),
    )

    /** The definitions of all types of associations. */
    fun listAssociationTypes(): List<AssociationType> = listAssociationTypes(Empty())

    /** The definitions of all entity types. */
    fun listTypes(): List<EntityType> = listTypes(Empty())

    /** When the next timer is due, and up to when the last tick went. */
    fun nextTimer(): NextTimer = nextTimer(Empty())

    /**
     * Does on a copy in memory what would fall due until then if nothing were written, and tells the first [limit]
     * changes that this would make.
     */
    fun simulate(until: Instant, limit: Int = 100, progress: ((Progress) -> Boolean)? = null): Simulation =
        watched(progress) { simulateTimers(SimulateTimers(until, limit.toUInt()), it) }

    /**
     * Does what has fallen due by time alone, each timer at its own instant, in the order of these. [until] is now if
     * it is left out; it lies neither in the future nor before an earlier tick. Where [progress] returns false, the
     * answer says how far it came, and the next tick goes on there.
     */
    fun tick(until: Instant? = null, limit: Int = 100_000, progress: ((Progress) -> Boolean)? = null): Tick =
        watched(progress) { tickTimers(TickTimers(until, limit.toUInt()), it) }

    /**
     * Sets the clock of a file that was opened with `replay`, forward only: its next reading is [to]. Time does not pass
     * by this alone: [tick] does what has fallen due. Nothing is written. Returns where the clock stands.
     */
    fun setClock(to: Instant): Instant = setClock(SetClock(to)).now

    /** Saves [query] as the view [name], or changes what is saved under it. Label and description stay where they are empty. */
    fun saveView(name: String, query: ViewQuery, label: String = "", description: String = ""): SavedView =
        saveView(SaveView(name, label, description, query))

    /** All saved views, archived ones included, by name. */
    fun listViews(): List<SavedView> = listViews(Empty())

    /**
     * The answer of the view [name]: a page of rows or groups, or a two-way table. [at] counts as now. [after] is
     * the `next` of the page before, which is asked with the same [at].
     */
    fun runView(name: String, after: String? = null, limit: Int? = null, at: Instant? = null): ViewAnswer =
        runView(RunView(name, after, limit?.toUInt(), at))

    /** Which engine this is. */
    fun info(): EngineInfo = info(Empty())

    /** Sizes and counts of the file. */
    fun stats(): DatabaseStats = stats(Empty())

    /** Rewrites the file without free space. */
    fun compact() {
        compact(Empty())
    }

    /** Checks the file, and that every record, activity and association is what the journal says of it. [progress] returns false to cancel. */
    fun verify(progress: ((Progress) -> Boolean)? = null): VerifyReport =
        watched(progress) { verify(Empty(), it) }

    /** Copies the file to [path], where nothing may be yet, while others read and write. [progress] returns false to cancel. */
    fun backupTo(path: String, progress: ((Progress) -> Boolean)? = null) {
        watched(progress) { backupTo(BackupTo(path), it) }
    }

    /**
     * Makes a new file at [to] of the backup at [from], without those who were erased since; neither the backup nor
     * this file is changed. [progress] returns false to cancel.
     */
    fun restoreTo(from: String, to: String, progress: ((Progress) -> Boolean)? = null): Restored =
        watched(progress) { restoreTo(RestoreTo(from, to), it) }

    /**
     * Runs one SELECT in SQLite's dialect. [parameters] are the values of `?1`, `?2` and so on; [limit] is
     * how many rows at most, 1 to 100,000; after [timeoutMs] milliseconds it throws `CrmException.TimedOut`.
     */
    fun sql(statement: String, vararg parameters: Any?, limit: Int = 1000, timeoutMs: Int = 5000): SqlResult =
        sql(RunSql(statement, parameters.map(::valueOf), limit.toUInt(), timeoutMs.toUInt()))

    /** Every change of the file after [after], in order, read by pages of [pageSize] as the sequence is walked. */
    fun changes(after: Long = 0, pageSize: Int = 1000): Sequence<Change> = sequence {
        var last = after
        do {
            val page = listChanges(ListChanges(last, pageSize.toUInt()))
            yieldAll(page.changes)
            last = page.next
        } while (page.changes.size == pageSize)
    }

    /** Stores [content] once by its hash, at most 64 MiB, and returns the reference that an attribute of kind file takes. */
    fun addFile(name: String, mediaType: String, content: ByteArray): FileRef =
        addFile(AddFile(name, mediaType, content))

    /** All stored bytes of the hash of a [FileRef]. */
    fun readFile(hash: String): ByteArray {
        val content = ByteArrayOutputStream()
        do {
            val piece = readFile(ReadFile(hash, offset = content.size().toULong()))
            content.writeBytes(piece.content)
        } while (content.size().toULong() < piece.size)
        return content.toByteArray()
    }

    companion object {
        /**
         * Opens the file at [path], and makes it if it is not there; `":memory:"` is a file in memory that
         * nobody else sees. A new file has the entity types `company`, `contact` and `deal`.
         *
         * [durability] is what "committed" promises; [readOnly] refuses every write; a write that would make
         * the file larger than [maxBytes] throws `CrmException.Full`; [actor] is who writes through this
         * handle, `host` by default; [replay] replaces clock and ids by ones that repeat.
         */
        fun open(
            path: String,
            durability: Durability = Durability.FULL,
            readOnly: Boolean = false,
            maxBytes: Long? = null,
            actor: String? = null,
            replay: Replay? = null,
        ): Crm {
            require(maxBytes == null || maxBytes >= 0) { "maxBytes must not be negative" }
            val options = OpenOptions(durability, readOnly, maxBytes?.toULong(), actor, replay)
            return open(path, options)
        }

        /** Opens the file at [path] as [options] say. */
        fun open(path: String, options: OpenOptions): Crm = adopt(Engine(path, options), opened = true)

        /**
         * Opens the encrypted file at [path] as [options] say, and makes it if it is not there. [key] returns its
         * key: 32 random bytes, and not a password. It is asked for each connection to the file, on any thread that
         * uses the handle, and must not call the handle; what it throws while the file is opened is thrown from here,
         * and later it makes a call fail with `CrmException.InvalidArgument`. It is let go when the file is closed:
         * one that refers to the handle keeps it until then. Another key throws `CrmException.WrongKey`. A library
         * that was built without the feature `sqlcipher` refuses every key.
         */
        fun openEncrypted(
            path: String,
            options: OpenOptions = OpenOptions(Durability.FULL),
            key: () -> ByteArray,
        ): Crm = told(key) { source -> adopt(openFile(path, options, checkNotNull(source)), opened = true) }

        /**
         * Gives the closed file at [path] another key: from the one that [key] returns, or from none, to the one
         * that [newKey] returns, or to none. There must be room for the file twice; copies that were made before keep
         * their key. A process that ends in between may leave an unfinished file beside it whose name ends in
         * `.partial-` and two numbers, a plain one if there was to be no key: remove it, or call this again, which
         * does. Keep the old key until a backup was made under the new one: not every system can say that the new
         * file's name is on the disk, and a power cut may then bring back the old file. [progress] is told of
         * the pages that are written, and returns false to cancel. What the functions throw is thrown from here.
         * Whatever is thrown, the file is what it was.
         */
        fun rekey(
            path: String,
            key: (() -> ByteArray)?,
            newKey: (() -> ByteArray)?,
            progress: ((Progress) -> Boolean)? = null,
        ) = watched(progress) { listener ->
            told(key) { source -> told(newKey) { newSource -> rekeyFile(path, source, newSource, listener) } }
        }

        /** Opens the file at [path] for the time that [block] runs, and returns what it returns. */
        inline fun <T> open(path: String, block: (Crm) -> T): T = open(path).use(block)

        /** Takes the object over from the generated class, which knows nothing of this one. */
        private fun adopt(engine: Engine, opened: Boolean): Crm =
            engine.use { Crm(it.uniffiCloneHandle(), opened) }
    }
}
