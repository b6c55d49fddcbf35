namespace OrleansFeatures.Server.Load;

/// <summary>
/// What happened when: the run in slots of equal length, a second or more such that there are at most <see cref="Limits.LoadSlotsMax"/>. A request belongs
/// to the slot in which it was due, whenever it was answered: a stall shows where users met it. Any thread may add.
/// </summary>
internal sealed class LoadTimeline
{
    private readonly Slot[] _slots;

    public LoadTimeline(TimeSpan duration)
    {
        SlotLength = TimeSpan.FromSeconds(Math.Max(1, Math.Ceiling(duration.TotalSeconds / Limits.LoadSlotsMax)));
        _slots = new Slot[Math.Max(1, (int)Math.Ceiling(duration / SlotLength))];
        for (int at = 0; at < _slots.Length; at++)
        {
            _slots[at] = new Slot();
        }
    }

    public TimeSpan SlotLength { get; }

    public IReadOnlyList<Slot> Slots => _slots;

    /// <summary>The slot of an instant, in nanoseconds since the run began.</summary>
    public Slot At(long sinceStart) => _slots[Math.Clamp(sinceStart / (SlotLength.Ticks * TimeSpan.NanosecondsPerTick), 0, _slots.Length - 1)];

    internal sealed class Slot
    {
        private long _due;
        private long _failed;

        /// <summary>One part in 16: enough for a plot, at 5 KB a slot.</summary>
        public LatencyHistogram Latency { get; } = new(4);

        public long Due => Interlocked.Read(ref _due);

        public long Failed => Interlocked.Read(ref _failed);

        public void AddDue() => Interlocked.Increment(ref _due);

        public void AddFailed() => Interlocked.Increment(ref _failed);
    }
}
