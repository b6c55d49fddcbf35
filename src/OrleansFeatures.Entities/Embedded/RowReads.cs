using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Entities.Reads;

namespace OrleansFeatures.Entities.Embedded;

/// <summary>
/// Fills reads row by row from one generation's state, on the caller's thread: each entity inside its partition's gate, for no longer than its own values take. Where there are many, their memory is asked for some rows ahead
/// (<see cref="ReadAhead"/>).
/// </summary>
internal static class RowReads
{
    /// <exception cref="DefinitionsChangedException">The read's selection is of another catalog than the generation.</exception>
    public static void Fill(FeatureRead read, Generation generation, PartitionMap map, CancellationToken cancellationToken)
    {
        RequireLive(read.Selection, generation.Catalog);
        int entities = read.Selection.Entities.Length;
        int rowsAhead = Math.Max(1, ReadAhead.Reads / Math.Max(1, entities));
        ReadAhead? ahead = read.Rows > 1 && entities is > 0 and <= ReadAhead.Reads ? new ReadAhead(generation, map) : null;
        FeatureValue[] values = read.Selection.Entities.All(entity => entity.Run >= 0) ? [] : new FeatureValue[read.Selection.Features.Length];
        for (int row = 0; row < read.Rows; row++)
        {
            if (row % rowsAhead == 0)
            {
                ahead?.See(read, row * entities, Math.Min(rowsAhead, read.Rows - row) * entities);
            }

            cancellationToken.ThrowIfCancellationRequested();
            if (read.Partial is null)
            {
                FillRow(read, row, generation, map, values);
            }
            else if (!TryFillRow(read, row, generation, map, values))
            {
                read.GiveUpFrom(row);
                return;
            }
        }
    }

    /// <summary>Plans number columns and timelines; numbers of other definitions would read the wrong ones.</summary>
    private static void RequireLive(Selection selection, Catalog live)
    {
        foreach (EntityRead read in selection.Entities)
        {
            if (live.Entity(read.Entity.Id) != read.Entity)
            {
                throw new DefinitionsChangedException();
            }
        }
    }

    private static void FillRow(FeatureRead read, int row, Generation generation, PartitionMap map, FeatureValue[] values)
    {
        for (int index = 0; index < read.Selection.Entities.Length; index++)
        {
            EntityRead entity = read.Selection.Entities[index];
            ReadOnlySpan<byte> key = read.KeyOf(row, index);
            Partition partition = generation.PartitionOf(map.Of(entity.Entity, key));
            if (entity.Run >= 0)
            {
                read.StampOf(row, index) = partition.Read(entity.Entity, key, entity.Plan, read.AsOf[row], read.KnownAt[row], read.RoomOf(row, entity));
            }
            else
            {
                Span<FeatureValue> own = values.AsSpan(0, entity.Plan.FeatureCount);
                EntityStamp stamp = partition.Read(entity.Entity, key, entity.Plan, read.AsOf[row], read.KnownAt[row], own);
                read.Store(row, index, own, stamp);
            }
        }
    }

    /// <summary>A row of a partial read. False when the time is over.</summary>
    private static bool TryFillRow(FeatureRead read, int row, Generation generation, PartitionMap map, FeatureValue[] values)
    {
        if (read.Partial!.IsOver)
        {
            return false;
        }

        if (!read.Partial.IsGivenUp(row))
        {
            try
            {
                FillRow(read, row, generation, map, values);
            }
            catch (Exception failure) when (PartialRows.OutcomeOf(failure) is { } outcome)
            {
                read.GiveUp(row, outcome);
            }
        }

        return true;
    }
}
