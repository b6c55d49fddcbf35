namespace OrleansFeatures.Gateway.Admission;

/// <summary>
/// Calls that are work for a core run a few at a time, and the rest wait here instead of in the thread pool's queue, so that the threads stay free for what keeps connections alive: reading frames, sending answers, health.
/// <code>
///   enter ── a slot is free ──> runs at once, where it is
///      └─ none: waits ──> a slot is free: the oldest, in a flood the newest ──> thread pool ──> runs
///                └─ the oldest: its time is over, or in a flood: waited too long, or more wait than get a turn before it has ──> refused
/// </code>
/// A few are answered late rather than refused: a stall of the machine, behind which the line empties by itself, is no flood. In turn while everybody's comes within half of its patience. In a flood somebody has to wait in vain, and who came last still has time: then the newest is first, and who will wait in vain is told so at once, by the pace at
/// which turns come (<see cref="TurnPace"/>). As long as it waits it holds one of its connection's places, and calls that wait in their clients for those come here with hardly any time left, so that nobody's time would do.
/// A slot is held for as long as the call keeps its thread: one that waits for something, a group commit or another silo, has given it back. Any thread; a call that finds a slot takes no lock.
/// </summary>
/// <param name="slots">Calls that run at the same time.</param>
/// <param name="waitingMax">Calls that wait.</param>
/// <param name="patience">How long a call that says nothing may wait in a long line; by it the line is judged.</param>
/// <param name="time">Measures the waiting.</param>
internal sealed class RunQueue(int slots, int waitingMax, TimeSpan patience, TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly LinkedList<Waiting> _line = new();
    private readonly TurnPace _pace = new(slots, time);
    private int _running;
    private int _waiting;

    public int Running => Volatile.Read(ref _running);

    public int WaitingNow => Volatile.Read(ref _waiting);

    /// <summary>Takes a slot if there is one; <see cref="Leave"/> once after it.</summary>
    public bool TryEnter()
    {
        for (int running = Volatile.Read(ref _running); running < slots;)
        {
            int found = Interlocked.CompareExchange(ref _running, running + 1, running);
            if (found == running)
            {
                return true;
            }

            running = found;
        }

        return false;
    }

    /// <summary>Gives the slot to who waits, if anybody does.</summary>
    public void Leave()
    {
        Interlocked.Decrement(ref _running);

        // After the slot is free, as whoever waits looks for a slot after it has entered the line: one of the two sees the other.
        if (Volatile.Read(ref _waiting) > 0)
        {
            Move(hasLeft: true);
        }
    }

    /// <summary>Waits for a slot: <paramref name="run"/> is then called on the thread pool with the slot taken, or <paramref name="refuse"/> when it has waited too long, or would, or too many wait.</summary>
    /// <param name="inLongLine">How long when many wait.</param>
    /// <param name="own">How long at all; <see cref="TimeSpan.MaxValue"/> where nobody has said. No less than that.</param>
    /// <param name="run">Gives the slot back.</param>
    /// <param name="refuse">Answers it.</param>
    /// <returns>Leaves the line, if it is still in it: then it is refused at once.</returns>
    public Action Wait(TimeSpan inLongLine, TimeSpan own, Action run, Action refuse)
    {
        LinkedListNode<Waiting> place;
        lock (_gate)
        {
            if (_line.Count == 0)
            {
                _pace.Begin();
            }

            place = _line.AddLast(new Waiting(time.GetTimestamp(), inLongLine, own, run, refuse));
            Interlocked.Increment(ref _waiting);
        }

        Move(hasLeft: false);
        return () => GiveUp(place);
    }

    private void GiveUp(LinkedListNode<Waiting> place)
    {
        lock (_gate)
        {
            if (place.List is null)
            {
                return;
            }

            _line.Remove(place);
            Interlocked.Decrement(ref _waiting);
        }

        ThreadPool.UnsafeQueueUserWorkItem(static refuse => refuse(), place.Value.Refuse, preferLocal: false);
    }

    private void Move(bool hasLeft)
    {
        List<Waiting>? refused = null;
        List<Waiting>? next = null;
        lock (_gate)
        {
            if (hasLeft && _line.Count > 0)
            {
                _pace.Count();
            }

            while (_line.First is { Value: var oldest } && (_line.Count > waitingMax || IsOver(oldest) || IsInVain(oldest)))
            {
                (refused ??= []).Add(oldest);
                _line.RemoveFirst();
            }

            while ((IsFlood ? _line.Last : _line.First) is { } turn)
            {
                bool isOver = IsOver(turn.Value);
                if (!isOver && !TryEnter())
                {
                    break;
                }

                (isOver ? refused ??= [] : next ??= []).Add(turn.Value);
                _line.Remove(turn);
            }

            Interlocked.Add(ref _waiting, -((refused?.Count ?? 0) + (next?.Count ?? 0)));
        }

        // Outside of the lock, and in the pool's own order, so that whoever reads frames or sends answers gets its turn between two calls.
        next?.ForEach(static waiting => ThreadPool.UnsafeQueueUserWorkItem(static run => run(), waiting.Run, preferLocal: false));
        refused?.ForEach(static waiting => ThreadPool.UnsafeQueueUserWorkItem(static refuse => refuse(), waiting.Refuse, preferLocal: false));
    }

    /// <summary>Whether so many wait that they are a reason for each other's waiting.</summary>
    private bool IsLong => _line.Count > Limits.LineShortPerSlot * slots;

    /// <summary>Whether more wait than get a turn in half of the patience: in turn, they would soon all wait until nobody's time will do.</summary>
    private bool IsFlood => IsLong && _line.Count > _pace.Within(patience / Limits.FloodShare);

    /// <summary>Whether so many stand before the oldest in a flood, where the newest is first, that it will not get a turn while it has patience.</summary>
    private bool IsInVain(Waiting oldest) => IsFlood && _line.Count > _pace.Within(oldest.Patience);

    private bool IsOver(Waiting waiting) => time.GetElapsedTime(waiting.Since) > (IsLong ? waiting.Patience : waiting.Own);

    private sealed record Waiting(long Since, TimeSpan Patience, TimeSpan Own, Action Run, Action Refuse);
}
