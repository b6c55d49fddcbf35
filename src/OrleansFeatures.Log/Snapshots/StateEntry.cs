namespace OrleansFeatures.Log.Snapshots;

/// <summary>What a state record is to its writer. The store only keeps it.</summary>
public enum StateRecordKind : byte
{
    /// <summary>An entity, or the head of one that is saved in parts.</summary>
    Entity = 1,

    /// <summary>A part of a large entity; its head names the place.</summary>
    Part = 2,

    /// <summary>Something of the partition as a whole, such as a page of event ids.</summary>
    Page = 3,
}

/// <summary>
/// What a state file's index says of one record. <see cref="Hash"/> and <see cref="Check"/> together are a 128-bit hash of the entity's key, <see cref="Tag"/> is any number of the writer's.
/// <see cref="Length"/> counts the record's bytes in the file, its header included.
/// </summary>
public readonly record struct StateEntry(StateRecordKind Kind, int Partition, uint EntityType, ulong Hash, ulong Check, StatePlace Place, int Length, uint Tag)
{
    public override string ToString() => $"{Kind} of entity type {EntityType:x8}, key hash {Hash:x16}-{Check:x16}, partition {Partition}";
}

/// <summary>Receives the entries of an index, newest first.</summary>
public interface IStateIndexVisitor
{
    /// <summary>
    /// Sees one entry. Returns whether its record counts, that is, no newer one of the same thing was seen before: <see cref="SnapshotStore.ReadIndex"/> counts the others as garbage of their file.
    /// (The answer to <see cref="SnapshotWriter.ReadEntries"/> is not used.)
    /// </summary>
    bool Visit(in StateEntry entry);
}
