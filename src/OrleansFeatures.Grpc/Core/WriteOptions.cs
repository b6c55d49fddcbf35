namespace Grpc.Core;

/// <summary>How one message is to be sent.</summary>
[Flags]
public enum WriteFlags
{
    /// <summary>The message may wait for the next one, so that both leave together. It still leaves before the stream ends.</summary>
    BufferHint = 0x1,

    /// <summary>This message is sent as it is, also where the call is compressed.</summary>
    NoCompress = 0x2,
}

/// <summary>Options for the messages written after them.</summary>
public class WriteOptions(WriteFlags flags = default)
{
    public static readonly WriteOptions Default = new();

    public WriteFlags Flags { get; } = flags;
}
