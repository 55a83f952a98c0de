package org.crmcore

import java.util.concurrent.Callable
import java.util.concurrent.CountDownLatch
import java.util.concurrent.Executors
import java.util.concurrent.Future
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.runBlocking
import org.crmcore.model.CrmException
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test

class ThreadsTest {
    private fun <T> inThreads(count: Int, work: (Int) -> T): List<Future<T>> {
        val pool = Executors.newFixedThreadPool(count)
        val start = CountDownLatch(1)
        val futures = List(count) { number -> pool.submit(Callable { start.await().run { work(number) } }) }
        start.countDown()
        pool.shutdown()
        return futures
    }

    @Test
    fun `several threads write and read through one handle`() = Crm.open(":memory:") { crm ->
        inThreads(8) { number ->
            repeat(50) { turn ->
                val record = crm.contacts.create("email" to "user$number.$turn@example.org")
                assertEquals(record, crm.contacts.getBy("email", "user$number.$turn@example.org"))
            }
        }.forEach { it.get() }
        assertEquals(400L, crm.contacts.count())
        assertEquals(400, crm.contacts.iterate(pageSize = 33).map { it.id }.toSet().size)
        assertEquals(emptyList<String>(), crm.verify().problems)
    }

    @Test
    fun `of several writers of one unique value one wins`() = Crm.open(":memory:") { crm ->
        val outcomes = inThreads(8) { runCatching { crm.contacts.create("email" to "ann@example.org") } }.map { it.get() }
        assertEquals(1, outcomes.count { it.isSuccess })
        assertEquals(7, outcomes.count { it.exceptionOrNull() is CrmException.Duplicate })
    }

    @Test
    fun `a handle may be closed while others use it`() {
        val crm = Crm.open(":memory:")
        val first = CountDownLatch(8)
        val users = inThreads(8) {
            first.countDown()
            generateSequence { runCatching { crm.contacts.count() }.exceptionOrNull() ?: Unit }.first { it != Unit }
        }
        first.await()
        crm.close()
        users.forEach { assertEquals(CrmException.Closed::class.java, it.get().javaClass) }
    }

    @Test
    fun `coroutines await the engine`() = runBlocking {
        Crm.open(":memory:").use { crm ->
            List(20) { number -> async { crm.io { contacts.create("email" to "user$number@example.org") } } }.awaitAll()
            assertEquals(20L, crm.io { contacts.count() })
        }
    }
}
