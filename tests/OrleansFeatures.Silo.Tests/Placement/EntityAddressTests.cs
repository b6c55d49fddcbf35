using System.Text;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Silo.Placement;

namespace OrleansFeatures.Silo.Tests.Placement;

public sealed class EntityAddressTests
{
    [Theory]
    [InlineData("default/customer/4711", "customer", "4711")]
    [InlineData("default/customer/", "customer", "")]
    [InlineData("default/customer/a%2Fb%25c%20d", "customer", "a/b%c d")]
    [InlineData("default/customer/M%C3%BCller-1._~", "customer", "Müller-1._~")]
    [InlineData("default/a%2Fb/x", "a/b", "x")]
    public void Keys_are_spelled_as_in_a_URL(string text, string type, string key)
    {
        var address = new EntityAddress(type, Encoding.UTF8.GetBytes(key));
        address.ToGrainKey().ShouldBe(text);
        EntityAddress.Parse(text).ShouldBe(address);
    }

    [Fact]
    public void Any_bytes_come_back_as_they_were_and_two_keys_are_never_spelled_alike()
    {
        var spelled = new HashSet<string>();
        var keys = new HashSet<string>();
        for (int seed = 0; seed < 2_000; seed++)
        {
            var random = new Random(seed);
            byte[] key = new byte[random.Next(0, 40)];
            random.NextBytes(key);
            var address = new EntityAddress("t" + random.Next(3), $"type{random.Next(3)}/%{random.Next(3)}", key);
            string text = address.ToGrainKey();
            EntityAddress.Parse(text).ShouldBe(address, $"seed {seed}");
            EntityAddress.Parse(text).GetHashCode().ShouldBe(address.GetHashCode(), $"seed {seed}");
            spelled.Add(text);
            keys.Add($"{address.Tenant}\0{address.EntityType}\0{Convert.ToHexString(key)}");
        }

        spelled.Count.ShouldBe(keys.Count);
    }

    [Theory]
    [InlineData("")]
    [InlineData("17")]
    [InlineData("default/customer")]
    [InlineData("default/customer/a/b")]
    [InlineData("default/customer/a%2fb")]
    [InlineData("default/customer/%41")]
    [InlineData("default/customer/a b")]
    [InlineData("default/customer/%2")]
    [InlineData("default/customer/%")]
    [InlineData("default/customer/%GG")]
    [InlineData("default/customer/ü")]
    [InlineData("default/%FF/x")]
    public void Whatever_is_not_the_one_spelling_of_an_entity_is_refused(string text) => Should.Throw<FormatException>(() => EntityAddress.Parse(text)).Message.ShouldContain($"'{text}'");

    [Fact]
    public void The_partition_is_the_one_that_the_log_gives_the_entity()
    {
        var map = new PartitionMap(64);
        var address = new EntityAddress("customer", "4711"u8.ToArray());
        address.TypeId.ShouldBe(NameId.Of("customer"));
        address.PartitionOf(map).ShouldBe(map.Of(NameId.Of("customer"), "4711"u8));
    }
}
