import Foundation

// Encrypted files, with keys that closures tell.

extension Crm {
    /// Opens the encrypted file at `path`, and makes it if it is not there.
    ///
    /// `key` returns its key: 32 random bytes, and not a password. It is asked for each connection to
    /// the file, on any thread that uses the handle, and must not call the handle. What it throws while
    /// the file is opened is thrown from here; later it makes a call fail with `invalid_argument`. It is
    /// let go when the file is closed: one that refers to the handle keeps it until then. Another key
    /// throws `wrong_key`. A library without the feature `sqlcipher` refuses every key.
    public static func openEncrypted(
        _ path: String, durability: Durability = .full, readOnly: Bool = false,
        maxBytes: UInt64? = nil, actor: String? = nil, replay: Replay? = nil,
        key: @escaping @Sendable () throws -> Data
    ) throws -> Crm {
        let options = OpenOptions(
            durability: durability, readOnly: readOnly, maxBytes: maxBytes, actor: actor,
            replay: replay)
        let source = ClosureKey(key)
        do {
            return try openFile(path, options, source)
        } catch {
            throw source.thrown ?? error
        }
    }

    /// Gives the closed file at `path` another key: from the one that `key` returns, or from none, to
    /// the one that `newKey` returns, or to none.
    ///
    /// There must be room for the file twice; copies that were made before keep their key. A process
    /// that ends in between may leave an unfinished file beside it whose name ends in `.partial-` and
    /// two numbers, a plain one if there was to be no key: remove it, or call this again, which
    /// does. Keep the old key until a backup was made under the new one: not every system can say
    /// that the new file's name is on the disk, and a power cut may then bring back the old file.
    ///
    /// `progress` is told of the pages that are written, and returns whether to go on. What the closures
    /// of the keys throw is thrown from here. Whatever is thrown, the file is what it was.
    public static func rekey(
        _ path: String, key: (@Sendable () throws -> Data)?, newKey: (@Sendable () throws -> Data)?,
        progress: (@Sendable (Progress) -> Bool)? = nil
    ) throws {
        let (source, newSource) = (key.map(ClosureKey.init), newKey.map(ClosureKey.init))
        do {
            try rekeyFile(path, source, newSource, progress.map(ClosureListener.init))
        } catch {
            throw source?.thrown ?? newSource?.thrown ?? error
        }
    }
}

// Within the extension these names are its own.

private func openFile(_ path: String, _ options: OpenOptions, _ key: KeySource) throws -> Crm {
    try openEncrypted(path: path, options: options, key: key)
}

private func rekeyFile(
    _ path: String, _ key: KeySource?, _ newKey: KeySource?, _ listener: ProgressListener?
) throws {
    try rekey(path: path, key: key, newKey: newKey, listener: listener)
}

/// Tells what a closure returns, and keeps what it threw.
final class ClosureKey: KeySource, @unchecked Sendable {
    private let body: @Sendable () throws -> Data
    private let lock = NSLock()
    private var failure: Error?

    init(_ body: @escaping @Sendable () throws -> Data) { self.body = body }

    /// What the closure threw last.
    var thrown: Error? {
        lock.lock()
        defer { lock.unlock() }
        return failure
    }

    func key() throws -> Data {
        do {
            return try body()
        } catch {
            lock.lock()
            failure = error
            lock.unlock()
            throw error
        }
    }
}
