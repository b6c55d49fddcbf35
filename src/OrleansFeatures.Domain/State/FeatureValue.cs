using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Domain.State;

/// <summary>How a value is to be understood. The numbers are those of Feast's FieldStatus, continued.</summary>
public enum FeatureStatus : byte
{
    /// <summary>The value cannot be represented: an int64 sum beyond 64 bits, a double beyond the largest.</summary>
    Invalid = 0,
    Present = 1,

    /// <summary>Nothing in the window to compute it from.</summary>
    NullValue = 2,

    /// <summary>Null, because the entity has never been seen.</summary>
    NotFound = 3,

    /// <summary>The entity's newest event is older than the view's ttl.</summary>
    OutsideMaxAge = 4,
    Approximate = 5,

    /// <summary>The window reaches back beyond what live state keeps; a training query answers it from the log.</summary>
    OutsideRetention = 6,
}

/// <summary>One feature of one entity: a scalar, or a list, with its status. Value and list are null unless Present or Approximate.</summary>
public readonly record struct FeatureValue(FeatureStatus Status, Value Scalar, Value[]? List)
{
    public static readonly FeatureValue Null = new(FeatureStatus.NullValue, Value.Null, null);
    public static readonly FeatureValue NotFound = new(FeatureStatus.NotFound, Value.Null, null);
    public static readonly FeatureValue Invalid = new(FeatureStatus.Invalid, Value.Null, null);
    public static readonly FeatureValue OutsideMaxAge = new(FeatureStatus.OutsideMaxAge, Value.Null, null);
    public static readonly FeatureValue OutsideRetention = new(FeatureStatus.OutsideRetention, Value.Null, null);

    /// <summary>Why there is no value.</summary>
    public static FeatureValue Without(FeatureStatus status) => new(status, Value.Null, null);

    public bool HasValue => Status is FeatureStatus.Present or FeatureStatus.Approximate;

    public static FeatureValue Of(Value value) => value.IsNull ? Null : new(FeatureStatus.Present, value, null);

    /// <summary>Lists are equal when their elements are.</summary>
    public bool Equals(FeatureValue other) =>
        Status == other.Status && Scalar == other.Scalar && List is null == other.List is null && List.AsSpan().SequenceEqual(other.List);

    public override int GetHashCode() => ((int)Status * 31) ^ Scalar.GetHashCode() ^ (List?.Length ?? -1);

    public static FeatureValue Of(Value[] list) => new(FeatureStatus.Present, Value.Null, list);
}
