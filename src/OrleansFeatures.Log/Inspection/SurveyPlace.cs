using System.Collections.Immutable;
using OrleansFeatures.Log.Format;

namespace OrleansFeatures.Log.Inspection;

/// <summary>Where a segment lies and what its neighbours say about it.</summary>
/// <param name="Number">The number that its name states.</param>
/// <param name="Path">Its file.</param>
/// <param name="Before">How the segment before it ended, damage counted in; null for the first that counts.</param>
/// <param name="NextHeader">The header of the next segment that has a readable one; null for the last.</param>
/// <param name="IsNextDirect">Whether that segment is the very next.</param>
/// <param name="IsLast">Whether no later segment belongs to the log, there or missing: only the last may end unfinished.</param>
/// <param name="KnownGaps">What was skipped in it before.</param>
internal sealed record SurveyPlace(long Number, string Path, SurveyedEnd? Before, SegmentHeader? NextHeader, bool IsNextDirect, bool IsLast, ImmutableArray<LogDamage> KnownGaps);

/// <summary>How a surveyed segment ends. Offsets are <see cref="SegmentReader.Unknown"/> where damage hides them; bounds are offsets that no record has.</summary>
internal sealed record SurveyedEnd(long NextSequence, uint? Chain, long[] Offsets, long[] Bounds);

/// <summary>What a survey of a segment found. Torn: where an unfinished group begins at the end of the last segment.</summary>
internal sealed record SurveyedSegment(SegmentReport Report, SurveyedEnd? End, long? Torn);
