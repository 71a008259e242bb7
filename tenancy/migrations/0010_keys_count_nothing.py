"""The keys of rows tell no firm how busy the others are (`tenancy.ids`)."""

from django.db import migrations

from tenancy.ids import FUNCTION, NO_FUNCTION, uncounted


class Migration(migrations.Migration):
    dependencies = [
        ("tenancy", "0009_places_and_indexes"),
    ]

    operations = [
        migrations.RunSQL(FUNCTION, NO_FUNCTION),
        uncounted(
            "tenancy_apitoken",
            "tenancy_company",
            "tenancy_due",
            "tenancy_firm",
            "tenancy_firmdeletion",
            "tenancy_firmprofile",
            "tenancy_handing",
            "tenancy_idempotencykey",
            "tenancy_membership",
            "tenancy_personkey",
            "tenancy_privacynotice",
            "tenancy_publicperson",
            "tenancy_site",
            "tenancy_user",
        ),
    ]
