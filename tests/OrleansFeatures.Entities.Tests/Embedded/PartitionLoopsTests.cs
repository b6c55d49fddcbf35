using System.Threading.Channels;
using OrleansFeatures.Entities.Embedded;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.Tests.Embedded;

public sealed class PartitionLoopsTests
{
    [Fact]
    public async Task A_poisoned_log_ends_the_loops_and_does_not_fail_the_shutdown()
    {
        var committed = Channel.CreateUnbounded<CommittedBatch>();
        var loops = new PartitionLoops(committed.Reader, 2, (_, _, _) => { }, _ => { });
        committed.Writer.Complete(new LogPoisonedException("writing a segment", LogSequence.None, new IOException("the disk is gone")));
        await loops.DisposeAsync();
    }
}
