using System.Reflection;

namespace OrleansFeatures.Silo;

/// <summary>
/// What silos of different builds agree on while one replaces the other.
/// <para><b>Calls.</b> Every grain interface carries <see cref="InterfaceVersion"/>, so that dashboards show who runs what. Any version may call any other (Orleans's <c>AllVersionsCompatible</c>): where a
/// grain lives is the partition plan's to say, and a strategy that moved activations to silos of the caller's version would pull partitions to and fro while both run. What it asks in return:
/// <i>a method is called by the release after the one that brought it</i>, and none changes its meaning.</para>
/// <para><b>Messages.</b> Members are numbered by <c>[Id]</c>, types named by <c>[Alias]</c>: a reader passes over members that it does not know and leaves out those that were not sent.</para>
/// <para><b>State.</b> An entity's row has tagged sections (<see cref="Entities.Saving.EntityBlob"/>): unknown ones are passed over by whoever reads it, an older build too.</para>
/// </summary>
public static class Versions
{
    /// <summary>Of every grain interface of the silo. Raise it by one with every release that changes one of them.</summary>
    public const ushort InterfaceVersion = 1;

    /// <summary>This build, as dashboards and metrics show it: the version, and what it was built from as far as that is known.</summary>
    public static readonly string Build = Shortened(typeof(Versions).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown");

    /// <summary>A commit's first ten digits tell it from the others.</summary>
    private static string Shortened(string version) => version.IndexOf('+', StringComparison.Ordinal) is >= 0 and var plus && version.Length > plus + CommitDigits ? version[..(plus + 1 + CommitDigits)] : version;

    private const int CommitDigits = 10;
}
