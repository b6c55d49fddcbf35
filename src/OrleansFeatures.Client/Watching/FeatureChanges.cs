using OrleansFeatures.Client.Vectors;
using OrleansFeatures.V1;

namespace OrleansFeatures.Client.Watching;

/// <summary>Rows whose entities have changed, with their vectors as of their newest events; without rows it says how far the log has been looked at.</summary>
/// <param name="Keys">By key field: one value per row.</param>
/// <param name="Vectors">One per row.</param>
/// <param name="AsOf">By row: the instant that it was read as of.</param>
/// <param name="Through">Hand it to the next subscription as <c>resume_after</c>: nothing is missed, nothing comes twice.</param>
public sealed record FeatureChanges(IReadOnlyList<KeyColumn> Keys, FeatureVectors Vectors, IReadOnlyList<DateTimeOffset> AsOf, ulong Through);
