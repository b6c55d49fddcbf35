using OrleansFeatures.Conformance;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Silo.Tests.Kit;

namespace OrleansFeatures.Silo.Tests.Grains;

public sealed class EndToEndTests
{
    [Fact]
    public async Task An_event_pushed_at_one_silo_is_read_at_every_other()
    {
        await using EntityCluster cluster = await EntityCluster.StartAsync(Transactions.Catalog());
        (await cluster[0].PushAsync(Transactions.Of(1, 0, "ann", "t1", 10), Transactions.Of(2, 5, "bob", "t1", 20))).ShouldBe([IntakeResult.Accepted, IntakeResult.Accepted]);
        for (int silo = 0; silo < 3; silo++)
        {
            (await cluster[silo].ReadAsync("customer", "ann", Transactions.At(5)))["sum"].Scalar.ShouldBe(Value.Of(10.0));
            (await cluster[silo].ReadAsync("terminal", "t1", Transactions.At(5)))["sum"].Scalar.ShouldBe(Value.Of(30.0));
            (await cluster[silo].ReadAsync("customer", "nobody", Transactions.At(5)))["count"].Scalar.ShouldBe(Value.Of(0L));
        }
    }
}
