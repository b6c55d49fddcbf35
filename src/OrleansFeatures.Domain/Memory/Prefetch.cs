using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace OrleansFeatures.Domain.Memory;

/// <summary>
/// Asks for memory before it is needed. With a million entities every event meets cold lines; asking for those of the next events while this one is applied hides most of the wait.
/// Without the instruction nothing happens.
/// </summary>
public static class Prefetch
{
    /// <summary>What a processor fetches at once.</summary>
    public const int LineBytes = 64;

    public static unsafe void Line(ref readonly byte place)
    {
        if (Sse.IsSupported)
        {
            // A prefetch of a place that has moved meanwhile is a hint about nothing: it reads no data and cannot fault.
            Sse.Prefetch0(Unsafe.AsPointer(ref Unsafe.AsRef(in place)));
        }
    }

    /// <summary>The line that an object's fields begin in, and those behind it: what was made right after the object lies there, also after a collection.</summary>
    public static void Object(object instance, int lines = 1)
    {
        for (int line = 0; line < lines; line++)
        {
            Line(ref Unsafe.Add(ref Unsafe.As<StrongBox<byte>>(instance).Value, line * LineBytes));
        }
    }
}
