import Foundation

extension Crm {
    /// When the next timer is due, and up to when the last tick went.
    public func nextTimer() throws -> NextTimer { try nextTimer(request: Empty()) }

    /// Does on a copy in memory what would fall due until then if nothing were written, and tells the
    /// first changes that this would make. `progress` is told how far it is and returns whether to go on.
    public func simulate(
        until: Date, limit: UInt32 = 100, progress: (@Sendable (Progress) -> Bool)? = nil
    ) throws -> Simulation {
        try simulateTimers(
            request: SimulateTimers(until: until, limit: limit),
            listener: progress.map(ClosureListener.init))
    }

    /// Does what has fallen due by time alone, each timer at its own instant, in the order of these.
    /// It goes until now if nothing is given, and neither into the future nor before an earlier tick.
    /// Where `progress` returns false, the answer says how far it came, and the next tick goes on there.
    @discardableResult
    public func tick(
        until: Date? = nil, limit: UInt32 = 100_000,
        progress: (@Sendable (Progress) -> Bool)? = nil
    ) throws -> Tick {
        try tickTimers(
            request: TickTimers(until: until, limit: limit),
            listener: progress.map(ClosureListener.init))
    }

    /// Sets the clock of a file that was opened with `replay`, forward only: its next reading is `to`.
    /// Time does not pass by this alone: `tick` does what has fallen due. Nothing is written. Returns
    /// where the clock stands.
    @discardableResult
    public func setClock(to: Date) throws -> Date { try setClock(request: SetClock(to: to)).now }
}
