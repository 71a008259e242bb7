"""The keys of rows tell no firm how busy the others are (`tenancy.ids`)."""

from django.db import migrations

from tenancy.ids import FUNCTION, NO_FUNCTION, UncountedKey, uncounted


class Migration(migrations.Migration):
    dependencies = [
        ("tenancy", "0009_places_and_indexes"),
    ]

    operations = [
        migrations.RunSQL(FUNCTION, NO_FUNCTION),
        # The columns stay as they are; what PostgreSQL writes into them changes.
        migrations.SeparateDatabaseAndState(
            database_operations=[
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
                )
            ],
            state_operations=[
                migrations.AlterField(
                    model_name="apitoken",
                    name="id",
                    field=UncountedKey(
                        primary_key=True, auto_created=True, serialize=False, verbose_name="ID"
                    ),
                ),
                migrations.AlterField(
                    model_name="company",
                    name="id",
                    field=UncountedKey(
                        primary_key=True, auto_created=True, serialize=False, verbose_name="ID"
                    ),
                ),
                migrations.AlterField(
                    model_name="due",
                    name="id",
                    field=UncountedKey(
                        primary_key=True, auto_created=True, serialize=False, verbose_name="ID"
                    ),
                ),
                migrations.AlterField(
                    model_name="firm",
                    name="id",
                    field=UncountedKey(
                        primary_key=True, auto_created=True, serialize=False, verbose_name="ID"
                    ),
                ),
                migrations.AlterField(
                    model_name="firmdeletion",
                    name="id",
                    field=UncountedKey(
                        primary_key=True, auto_created=True, serialize=False, verbose_name="ID"
                    ),
                ),
                migrations.AlterField(
                    model_name="firmprofile",
                    name="id",
                    field=UncountedKey(
                        primary_key=True, auto_created=True, serialize=False, verbose_name="ID"
                    ),
                ),
                migrations.AlterField(
                    model_name="handing",
                    name="id",
                    field=UncountedKey(
                        primary_key=True, auto_created=True, serialize=False, verbose_name="ID"
                    ),
                ),
                migrations.AlterField(
                    model_name="idempotencykey",
                    name="id",
                    field=UncountedKey(
                        primary_key=True, auto_created=True, serialize=False, verbose_name="ID"
                    ),
                ),
                migrations.AlterField(
                    model_name="membership",
                    name="id",
                    field=UncountedKey(
                        primary_key=True, auto_created=True, serialize=False, verbose_name="ID"
                    ),
                ),
                migrations.AlterField(
                    model_name="personkey",
                    name="id",
                    field=UncountedKey(
                        primary_key=True, auto_created=True, serialize=False, verbose_name="ID"
                    ),
                ),
                migrations.AlterField(
                    model_name="privacynotice",
                    name="id",
                    field=UncountedKey(
                        primary_key=True, auto_created=True, serialize=False, verbose_name="ID"
                    ),
                ),
                migrations.AlterField(
                    model_name="publicperson",
                    name="id",
                    field=UncountedKey(
                        primary_key=True, auto_created=True, serialize=False, verbose_name="ID"
                    ),
                ),
                migrations.AlterField(
                    model_name="site",
                    name="id",
                    field=UncountedKey(
                        primary_key=True, auto_created=True, serialize=False, verbose_name="ID"
                    ),
                ),
                migrations.AlterField(
                    model_name="user",
                    name="id",
                    field=UncountedKey(
                        primary_key=True, auto_created=True, serialize=False, verbose_name="ID"
                    ),
                ),
            ],
        ),
    ]
