package org.crmcore

import org.crmcore.engine.KeySource

/** Runs [job] with a source that asks [key]. What [key] throws meanwhile fails the job and is thrown from here. */
internal fun <T> told(key: (() -> ByteArray)?, job: (KeySource?) -> T): T {
    if (key == null) return job(null)
    val source = ToldKey(key)
    val outcome = runCatching { job(source) }
    if (outcome.isFailure) source.failure?.let { throw it }
    return outcome.getOrThrow()
}

private class ToldKey(private val tell: () -> ByteArray) : KeySource {
    @Volatile
    var failure: Throwable? = null

    override fun key(): ByteArray = try {
        tell()
    } catch (thrown: Throwable) {
        failure = thrown
        throw thrown
    }
}
