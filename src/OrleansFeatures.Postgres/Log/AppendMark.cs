using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Log;

namespace OrleansFeatures.Postgres.Log;

/// <summary>What one append tells the clocks that reads go by, once all of it has been applied.</summary>
/// <param name="First">Its first record.</param>
/// <param name="Last">Its last record.</param>
/// <param name="CommittedAt">When; never before the append ahead of it.</param>
/// <param name="Marks">How far it brought each producer.</param>
/// <param name="Ends">Of each partition that it touched, its last record there. Whoever has applied all of these, and those of every append before, has applied all of it.</param>
public sealed record AppendMark(LogSequence First, LogSequence Last, EventTime CommittedAt, TimeMarks Marks, IReadOnlyList<PartitionOffset> Ends);
