package org.crmcore

import java.util.concurrent.ConcurrentHashMap
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.channels.awaitClose
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.buffer
import kotlinx.coroutines.flow.callbackFlow
import org.crmcore.engine.CommitObserver
import org.crmcore.engine.Observation
import org.crmcore.engine.ProgressListener
import org.crmcore.model.Commit
import org.crmcore.model.Progress

/**
 * Tells [callback] of every commit of the file, by whatever handle, until what is returned or the handle
 * is closed.
 *
 * It runs after the commit, on the thread that wrote, before the write returns: so it should be quick. It
 * may read; a write from inside it throws `CrmException.Reentrant`. What it throws goes to the thread's
 * handler of uncaught exceptions, for the commit stands.
 */
fun Crm.observe(callback: (Commit) -> Unit): AutoCloseable {
    val observation = observe(object : CommitObserver {
        override fun committed(commit: Commit) {
            try {
                callback(commit)
            } catch (failure: Throwable) {
                val thread = Thread.currentThread()
                thread.uncaughtExceptionHandler.uncaughtException(thread, failure)
            }
        }
    })
    return subscriptions.keep(observation)
}

/** Every commit of the file from the time of collection on. No commit is left out, however slow the collector. */
val Crm.commits: Flow<Commit>
    get() = callbackFlow {
        val subscription = observe { commit -> trySend(commit) }
        awaitClose { subscription.close() }
    }.buffer(Channel.UNLIMITED)

/**
 * The observations of one handle. They are kept here because one that nothing refers to would be
 * collected as garbage, and end.
 */
internal class Subscriptions : AutoCloseable {
    private val kept = ConcurrentHashMap.newKeySet<Observation>()

    fun keep(observation: Observation): AutoCloseable {
        kept += observation
        return AutoCloseable { if (kept.remove(observation)) observation.close() }
    }

    override fun close() {
        kept.toList().forEach { if (kept.remove(it)) it.close() }
    }
}

/** Runs [job] with a listener that asks [goOn]. What [goOn] throws cancels the job and is thrown from here. */
internal fun <T> watched(goOn: ((Progress) -> Boolean)?, job: (ProgressListener?) -> T): T {
    if (goOn == null) return job(null)
    var failure: Throwable? = null
    val listener = object : ProgressListener {
        override fun progress(progress: Progress): Boolean = try {
            goOn(progress)
        } catch (thrown: Throwable) {
            failure = thrown
            false
        }
    }
    val outcome = runCatching { job(listener) }
    failure?.let { throw it }
    return outcome.getOrThrow()
}
